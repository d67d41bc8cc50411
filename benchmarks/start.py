"""Measure the time from the start of the process to the first successful readiness probe."""

from __future__ import annotations

import argparse
import sys

from benchmarks.harness import app_command, floor_command, report, served, spread


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {"ours": [], "floor": [], "python alone": []}
    for _ in range(arguments.rounds):
        for name, command in (("ours", app_command()), ("floor", floor_command())):
            with served(command) as server:
                times[name].append(server.seconds)
        script = (
            "import http.server as h, os; h.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), "
            "type('H', (h.BaseHTTPRequestHandler,), {'do_GET': lambda s: (s.send_response(200), "
            "s.end_headers())})).serve_forever()"
        )
        with served([sys.executable, "-c", script]) as server:
            times["python alone"].append(server.seconds)
    report(
        "start",
        "Seconds from start to ready",
        [{"server": name, "seconds": spread(own)} for name, own in times.items()],
    )


if __name__ == "__main__":
    main()
