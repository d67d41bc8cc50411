"""Hypothesis strategies of raw bytes that careless or hostile clients may send."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass

import pyarrow as pa
from hypothesis import strategies as st

# Long enough to be recognised if a response repeats it.
LONG = "Zq9" * 200
ARROW = b"application/vnd.apache.arrow.stream"
JSON = b"application/json"
CALLS = ("/predict", "/predict/batch", "/predict/new-user", "/recommend", "/compare")
ADDRESSES = (
    *("/predict", "/recommend", "/movies", "/users", "/models", "/models/compact", "/compare", "/healthz"),
    *(
        "/readyz",
        "/",
        "/docs",
        "/docs/files/x",
        "/page/main.js",
        "/page/../app.py",
        "/%2e%2e/%2e%2e/etc/passwd",
    ),
    *(
        "/models/%00",
        "/models/..%2f..%2fetc",
        "//",
        "*",
        "http://example.org/predict",
        "/\u00e9",
        "/#",
        "/?",
        "/;",
    ),
)
BODIES = (
    {"user_id": "user_1", "movie_id": 1193, "model": "compact", "on_unknown": "error"},
    {
        "user_ids": ["user_1", 2, "user_3"],
        "movie_ids": ["movie_1193", 661, "movie_0"],
        "on_unknown": "fallback",
    },
    {
        "ratings": [{"movie_id": "movie_1193", "rating": 5}],
        "movie_ids": ["movie_912"],
        "n": 1,
        "exclude": [1],
    },
    {"user_id": 1, "n": 3, "exclude_rated": True, "exclude": ["movie_527", 318]},
    {
        "pairs": [{"user_id": 1, "movie_id": 1, "rating": 3.5}, {"user_id": "x", "movie_id": 2}],
        "models": ["tiny"],
    },
)
# Inserted verbatim in place of a value.
VALUES = (
    *(
        "1e999",
        "-1e999",
        "1e-999",
        "1E400",
        "9" * 5000,
        "-" + "9" * 400,
        "0" * 300,
        "1." + "1" * 3000,
        "-0",
        "00",
    ),
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "0x10",
        "1_0",
        "1.0",
        "2.5",
        ".5",
        "5.",
        "+1",
        "9223372036854775808",
    ),
    *(
        "null",
        "true",
        "[]",
        "{}",
        '""',
        '" "',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\u0000"',
        '"\x00"',
        '"\x7f"',
    ),
    *(
        f'"{LONG}"',
        f'"{"é" * 300}"',
        '"\U0001f3ac"',
        '"\u2028"',
        '"user_1\u0301"',
        "'single'",
        "undefined",
        "//",
    ),
    *("[" * 100_000, '{"a":' * 20_000, "[[" * 300 + "]]" * 300, "[" + "1," * 5000 + "1]", "\ufeff1"),
)
TYPES = (
    JSON,
    JSON,
    JSON,
    ARROW,
    b"text/plain",
    b"",
    b"application/json; charset=utf-16",
    b"a/b;" + b"c" * 5000,
)


@dataclass(frozen=True)
class Sent:
    """Bytes for a connection, and whether they require a response."""

    data: bytes
    answered: bool = True


def request(
    method: str, address: str, headers: list[tuple[bytes, bytes]], body: bytes = b"", version: str = "1.1"
) -> bytes:
    """Return a request, with `Connection: close` unless a header overrides it."""
    lines = [f"{method} {address} HTTP/{version}".encode("utf-8", "surrogatepass"), b"Host: x"]
    lines += [name + b": " + value for name, value in headers]
    if not any(name.lower() == b"connection" for name, _ in headers):
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@st.composite
def mutated(draw: st.DrawFn, whole: bytes) -> bytes:
    """Generate bytes with some of them flipped, truncated, removed or duplicated."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(("set", "flip", "cut", "drop", "double", "insert", "number")))
        if kind == "set":
            data[at] = draw(st.sampled_from((0, 0x7F, 0x80, 0xFF, 0x22, 0x7B, 0x5C)))
        elif kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[at:]
        elif kind == "drop":
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        else:
            width = draw(st.sampled_from((1, 2, 4, 8)))
            value = draw(st.sampled_from((0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width) - 1)))
            data[at : at + width] = value.to_bytes(width, draw(st.sampled_from(("little", "big"))))
    return bytes(data)


@st.composite
def json_bodies(draw: st.DrawFn) -> bytes:
    """Generate a body of one of the operations with a changed value, a duplicate key, or another encoding."""
    text = json.dumps(draw(st.sampled_from(BODIES)))
    change = draw(st.sampled_from(("value", "value", "twice", "encoding", "bytes", "none", "tail")))
    if change == "value":
        pieces = text.split(": ")
        place = draw(st.integers(1, len(pieces) - 1))
        rest = pieces[place]
        end = max(rest.find(", "), 1) if ", " in rest else len(rest) - 1
        pieces[place] = draw(st.sampled_from(VALUES)) + rest[end:]
        text = ": ".join(pieces)
    elif change == "twice":
        text = text[:-1] + draw(
            st.sampled_from((', "user_id": 2}', ', "\\u0075ser_id": 2}', f', "{LONG}": 1}}'))
        )
    elif change == "tail":
        text += draw(st.sampled_from(("x", "\x00", "{}", " " * 5000, "//")))
    encoding = (
        draw(st.sampled_from(("utf-16", "utf-32", "utf-8-sig", "cp037"))) if change == "encoding" else "utf-8"
    )
    data = text.encode(encoding, "surrogatepass" if encoding != "cp037" else "replace")
    return draw(mutated(data)) if change == "bytes" else data


@st.composite
def arrow_bodies(draw: st.DrawFn) -> bytes:
    """Generate an Arrow stream, usually with corrupted bytes."""
    kind = draw(st.sampled_from((pa.utf8(), pa.large_utf8(), pa.int64())))
    ids = [1, 2, 3] if pa.types.is_integer(kind) else ["user_1", "user_2", LONG]
    table = pa.table({"user_id": pa.array(ids, kind), "movie_id": pa.array(ids, kind)})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return draw(mutated(out.getvalue())) if draw(st.integers(0, 9)) else out.getvalue()


def chunked(body: bytes, size: int) -> bytes:
    """Return a chunked body."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@st.composite
def posts(draw: st.DrawFn) -> Sent:
    """Generate a POST with an unusual body, type, coding or length."""
    arrow = draw(st.integers(0, 3)) == 0
    body = draw(arrow_bodies() if arrow else json_bodies())
    content_type = ARROW if arrow else draw(st.sampled_from(TYPES))
    headers = [(b"Content-Type", content_type)]
    if draw(st.integers(0, 4)) == 0:
        headers += [(b"Connection", b"close, Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c")]
    sure = "?on_unknown=fallback&interval=0.8&distribution=true"
    query = draw(
        st.sampled_from(
            ("", "", "", "?model=compact", "?on_unknown=fallback", sure, f"?model={LONG}", "?a&a")
        )
    )
    path = "/predict/batch" if arrow else draw(st.sampled_from(CALLS))
    coding = draw(st.sampled_from(("", "", "", "gzip", "gzip-lie", "odd")))
    if coding:
        headers.append((b"Content-Encoding", b"gzip" if coding != "odd" else LONG.encode()))
        body = gzip.compress(body) if coding == "gzip" else body
    # Beyond the limits of body and batch, small as they are in these tests.
    if draw(st.integers(0, 9)) == 0:
        body += b" " * 70_000
    how = draw(
        st.sampled_from(("length", "length", "chunks", "short", "both", "bad", "none", "expect", "old"))
    )
    length = (b"Content-Length", b"%d" % len(body))
    coded = (b"Transfer-Encoding", b"chunked")
    if how == "chunks":
        return Sent(
            request("POST", path + query, [*headers, coded], chunked(body, draw(st.integers(1, 5000)) + 20))
        )
    if how == "short":
        headers.append((b"Content-Length", b"%d" % (len(body) + draw(st.integers(1, 10**6)))))
        return Sent(request("POST", path + query, headers, body), answered=False)
    if how == "both":
        return Sent(
            request("POST", path + query, [*headers, length, coded], chunked(body, 4096)), answered=False
        )
    if how == "bad":
        odd = draw(st.sampled_from((b"-1", b"1e3", b"9" * 30, b"0x10", b"", b"1, 2", "\u0661".encode())))
        return Sent(request("POST", path + query, [*headers, (b"Content-Length", odd)], body), answered=False)
    if how == "none":
        return Sent(request("POST", path + query, headers))
    if how == "expect":
        headers.append((b"Expect", b"100-continue"))
    version = "1.0" if how == "old" else "1.1"
    return Sent(request("POST", path + query, [*headers, length], body, version))


METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "G\u00c9T",
)
HEADERS = (
    *((b"X", b"a" * 30_000), (b"X" * 5000, b"1"), (b"Cookie", b"a=b;" * 5000), (b"Upgrade", b"websocket")),
    *(
        (b"Connection", b"Upgrade"),
        (b"Connection", b"keep-alive, close"),
        (b"X", b"\xff\xfe"),
        (b"X", b"a\x00b"),
    ),
    *(
        (b"X ", b"1"),
        (b"", b"1"),
        (b"Host", b"y"),
        (b"Range", b"bytes=0-99999999999999999999,1-"),
        (b"Accept", b"\x80"),
    ),
    *(
        (b"If-None-Match", b'"' * 5000),
        (b"X-Forwarded-For", b"1" * 5000),
        (b"Origin", b"http://evil.example"),
    ),
    *((b"X-Request-ID", LONG.encode()), (b"Authorization", b"Bearer " + LONG.encode()), (b"X\r\nY", b"1")),
)


@st.composite
def gets(draw: st.DrawFn) -> Sent:
    """Generate any method on any path, with unusual queries, versions and headers."""
    method = draw(st.sampled_from(METHODS[:2] * 4 + METHODS))
    address = draw(st.sampled_from(ADDRESSES))
    names = draw(
        st.lists(st.sampled_from(("user_id", "movie_id", "model", "n", "q", "limit", "x")), max_size=4)
    )
    odd = st.sampled_from(
        (
            "1",
            "user_1",
            "-1",
            "1e999",
            "%",
            "%ff",
            "%ED%A0%80",
            "%00",
            "+",
            LONG,
            "%C3%A9" * 50,
            "'",
            "NaN",
            "0" * 60,
        )
    )
    query = "&".join(f"{name}={draw(odd)}" for name in names)
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=2))
    version = draw(st.sampled_from(("1.1", "1.1", "1.1", "1.0", "2.0", "9", "", "1.1.1")))
    whole = request(method, address + ("?" + query if query else ""), headers, b"", version)
    return Sent(draw(mutated(whole)) if draw(st.integers(0, 4)) == 0 else whole, answered=False)


@st.composite
def pipelines(draw: st.DrawFn) -> Sent:
    """Generate several pipelined requests; the last one closes the connection."""
    first = draw(
        st.lists(st.sampled_from(("/healthz", "/predict?user_id=1&movie_id=1193", "/nope")), max_size=30)
    )
    keep = [(b"Connection", b"keep-alive")]
    last = draw(st.one_of(posts(), gets()))
    return Sent(b"".join(request("GET", address, keep) for address in first) + last.data, answered=False)


def anything() -> st.SearchStrategy[Sent]:
    """Generate all of these, and random bytes."""
    noise = st.binary(max_size=300).map(lambda data: Sent(data, answered=False))
    return st.one_of(posts(), posts(), gets(), pipelines(), noise)
