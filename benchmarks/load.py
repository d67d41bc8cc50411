"""A small load generator: each connection sends the next request once it has received a response."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import time
from pathlib import Path

CONNECTIONS = 16


async def _connection(
    port: int, until: float, requests: itertools.cycle[bytes], times: list[float], failed: list[int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        start = time.perf_counter()
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
        await reader.readexactly(size)
        times.append(time.perf_counter() - start)
        failed[0] += not lines[0].split()[1].startswith(b"2")
    writer.close()


async def _main() -> None:
    options = json.loads(sys.argv[1])
    bodies = [bytes.fromhex(body) for body in json.loads(Path(sys.argv[2]).read_text())]
    more = "".join(f"{name}: {value}\r\n" for name, value in options.get("headers", {}).items())
    head = (
        f"POST {options['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: {options['type']}\r\n"
        f"{more}Content-Length: "
    )
    requests = itertools.cycle([f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies])
    times: list[float] = []
    failed = [0]
    start = time.perf_counter()
    until = start + options["seconds"]
    count = options.get("connections", CONNECTIONS)
    await asyncio.gather(
        *(_connection(options["port"], until, requests, times, failed) for _ in range(count))
    )
    seconds = time.perf_counter() - start
    cuts = statistics.quantiles(times, n=100)
    print(
        json.dumps(
            {
                "rate": len(times) / seconds,
                "p50": 1000 * cuts[49],
                "p99": 1000 * cuts[98],
                "failed": failed[0],
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(_main())
