"""A local server that acts as GroupLens, with optional faults."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,978300760\n2,10,3.5,978300761\n"


def archive(members: dict[str, str | bytes] | None = None) -> bytes:
    """Return a zip file, by default of a small set in a folder of another name."""
    if members is None:
        members = {"ml-odd-name/ratings.csv": RATINGS, "ml-odd-name/README.txt": "terms"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return buffer.getvalue()


@dataclass
class ArchiveServer:
    """Content and faults of the server, and the requests that it received.

    Attributes:
        content: Content of every `.zip`.
        md5: Content of every `.zip.md5`; None for status 404, "" for the correct digest.
        ranges: Whether the server supports Range.
        shift: Number of bytes by which the start of a range is wrong.
        cut_after: The connection is closed once after this number of bytes of an archive.
        status: Status of every response for an archive; 0 for a correct response.
        location: Every request for an archive is redirected to this URL.
        requests: Path and Range of each request.
    """

    content: bytes
    md5: str | None = ""
    ranges: bool = True
    shift: int = 0
    cut_after: int | None = None
    status: int = 0
    location: str = ""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    def count(self, name: str) -> int:
        """Return the number of requests for a path that ends with `name`."""
        return sum(path.endswith(name) for path, _ in self.requests)


@contextmanager
def serving(state: ArchiveServer) -> Iterator[ArchiveServer]:
    """Run the server on a free port during the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            if self.path.endswith(".md5"):
                self._md5()
            elif state.location:
                self._send(302, b"", {"Location": state.location})
            elif state.status:
                self._send(state.status, b"no")
            else:
                self._archive(wanted)

        def _md5(self) -> None:
            if state.md5 is None:
                self._send(404, b"not found")
                return
            right = hashlib.md5(state.content).hexdigest()
            name = self.path.rpartition("/")[2].removesuffix(".md5")
            self._send(200, (state.md5 or f"MD5 ({name}) = {right}\n").encode())

        def _archive(self, wanted: str | None) -> None:
            size = len(state.content)
            if wanted is None or not state.ranges:
                self._send(200, state.content, may_be_cut=True)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) + state.shift
            if start >= size:
                self._send(416, b"", {"Content-Range": f"bytes */{size}"})
                return
            headers = {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
            self._send(206, state.content[start:], headers, may_be_cut=True)

        def _send(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, may_be_cut: bool = False
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if may_be_cut and state.cut_after is not None:
                body, state.cut_after = body[: state.cut_after], None
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/movielens/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
