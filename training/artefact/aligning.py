"""Align the members of an archive, so that its arrays can be memory-mapped.

HDF5 aligns arrays to 8 bytes, but a zip archive starts its members at any offset. Reading a misaligned array
takes twice as long, or the array has to be copied into every process.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from training.errors import ArtefactDamaged

ALIGNMENT: Final = 64
# Header of a zip extra field: 2 bytes for the kind, 2 for the length. The kind is that of zipalign.
_KIND: Final = 0xD935
_HEADER_BYTES: Final = 4
_LOCAL_HEADER_BYTES: Final = 30
_COPY_BYTES: Final = 1024 * 1024


def align_archive(path: Path) -> None:
    """Rewrite a zip of stored members so that each begins at a multiple of 64 bytes.

    Raises:
        ArtefactDamaged: The file is not a zip archive.
    """
    new = path.with_name(f"{path.name}.aligned")
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(new, "w", zipfile.ZIP_STORED) as target:
            for old in source.infolist():
                # A time stamp would make equal archives differ.
                info = zipfile.ZipInfo(old.filename)
                info.external_attr = old.external_attr
                start = target.fp.tell() + _LOCAL_HEADER_BYTES + len(old.filename.encode())  # type: ignore[union-attr]
                count = -(start + _HEADER_BYTES) % ALIGNMENT
                info.extra = _KIND.to_bytes(2, "little") + count.to_bytes(2, "little") + bytes(count)
                with source.open(old) as reader:
                    info.file_size = old.file_size
                    with target.open(info, "w") as writer:
                        while block := reader.read(_COPY_BYTES):
                            writer.write(block)
        new.replace(path)
    except zipfile.BadZipFile as error:
        raise ArtefactDamaged(path, f"is not a readable .keras archive ({error})") from error
    finally:
        new.unlink(missing_ok=True)
