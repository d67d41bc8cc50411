"""Bounds on time, memory and side effects of refusing a store, in this process and for `python -m app`."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.conftest import REPOSITORY

# Processor time of a start with all its imports.
START_SECONDS = 3
# In addition to the memory before; for a start, all its memory.
MEGABYTES, START_MEGABYTES = 32, 150
# Limit of further address space: a huge table must be refused, not reserved as pages that are never used.
_RESERVED_BYTES = 2**30
# Drop the privileges of root that override file modes.
UNPRIVILEGED = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 and shutil.which("setpriv") else []
# A refusal that blocks would never end.
TIMEOUT = 60


@dataclass
class Canary:
    """What a successful attack would touch: a file, a module, a pipe and an address.

    Attributes:
        folder: The folder with the file, the module and the pipe.
        calls: First bytes of each connection to the address.
    """

    folder: Path
    calls: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "canary_module.py").write_text(
            "from pathlib import Path\n"
            f"Path({str(self.file)!r}).touch()\n"
            "def touch(*args): Path(args[0]).touch()\n"
        )
        # Opening it for reading would block the start forever.
        os.mkfifo(self.pipe)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    @property
    def file(self) -> Path:
        """A file that does not exist."""
        return self.folder / "touched"

    @property
    def pipe(self) -> Path:
        """A pipe without a writer."""
        return self.folder / "saved_model.pb"

    @property
    def url(self) -> str:
        """An address with a listening socket."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/payload.tar.gz"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.calls.append(connection.recv(100))

    def assert_untouched(self) -> None:
        """Assert that nothing was executed, imported, opened or fetched."""
        assert not self.file.exists()
        assert "canary_module" not in sys.modules
        assert not list(self.folder.glob("__pycache__/canary_module*"))
        assert self.calls == []

    def close(self) -> None:
        """Stop listening."""
        # Closing alone would leave a blocked `accept` and the port.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listening.join()
        self._listener.close()


@contextmanager
def bounded() -> Iterator[None]:
    """Assert that the block ends, and takes little memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, _waited)
    taken = _restarted_peak()
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + _RESERVED_BYTES, hard))
    signal.alarm(TIMEOUT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert _memory("VmHWM") - taken < MEGABYTES * 2**20


def _waited(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"not finished after {TIMEOUT} s")


def _restarted_peak() -> int:
    # Reset the peak, as described in proc(5).
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmHWM")


def _memory(name: str, process: str = "self") -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    # A process that has ended has no memory, but still a status.
    return int(found[1]) * 1024 if found else 0


@dataclass(frozen=True)
class Refusal:
    """The outcome of a start."""

    line: str
    cpu_seconds: float
    megabytes: float


def refused(store: Path, canary: Path, engine: str = "table") -> Refusal:
    """Start the service on `store`; it must end by itself with exit code 1 and one line.

    Args:
        store: The models store.
        canary: A folder on the import path, which also gets the output.
        engine: Value of RATINGS_ENGINE.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RATINGS_")}
    environment |= {"RATINGS_STORE": str(store), "RATINGS_ENGINE": engine, "RATINGS_PORT": "0"}
    environment |= {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{canary}", "HOME": "/nonexistent"}
    with (canary / "said").open("w+") as said:
        process = subprocess.Popen(
            [*UNPRIVILEGED, sys.executable, "-m", "app"],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        deadline, peak = time.monotonic() + TIMEOUT, 0
        while True:
            # The peak that `wait4` returns includes the pages of the parent.
            peak = max(peak, _memory("VmHWM", str(process.pid)))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError("the start waits for something, or serves a hostile model")
            time.sleep(0.005)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        line = said.read()
    assert process.returncode == 1, (process.returncode, line)
    assert line.startswith("cannot start: ")
    assert line.endswith("\n")
    assert_plain(line[:-1])
    return Refusal(line, usage.ru_utime + usage.ru_stime, peak / 2**20)


def assert_plain(line: str) -> None:
    """Assert that the text is one short line."""
    assert line.isprintable()
    assert len(line) < 1100
