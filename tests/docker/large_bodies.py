"""Send bodies of 8 MiB with 100,000 pairs from 24 clients at once: `python3 large_bodies.py URL KEY`.

It prints how many requests got which status. A request beyond RATINGS_MAX_LARGE_REQUESTS gets 503.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

CLIENTS, REQUESTS, PAIRS, MIB = 24, 6, 100_000, 2**20


def send(url: str, key: str) -> Counter[int]:
    """Send the requests of one client, and return the number of each status."""
    users = [str(index % 6040 + 1) for index in range(PAIRS)]
    pairs = {"user_ids": users, "movie_ids": [1193] * PAIRS, "on_unknown": "fallback"}
    body = json.dumps(pairs).encode().ljust(8 * MIB)
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    statuses: Counter[int] = Counter()
    for _ in range(REQUESTS):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        connection.request("POST", "/predict/batch", body, headers)
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] += 1
        connection.close()
    return statuses


if __name__ == "__main__":
    with ThreadPoolExecutor(CLIENTS) as pool:
        results = pool.map(lambda _: send(*sys.argv[1:]), range(CLIENTS))
        counts = sum(results, Counter[int]())
    sys.stdout.write(", ".join(f"{number} times {status}" for status, number in counts.items()) + "\n")
    sys.exit(0 if set(counts) <= {200, 503} and counts[200] else 1)
