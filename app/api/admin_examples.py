"""What the calls below `/admin` answer, for the documentation."""

from __future__ import annotations

from typing import Final

from app.api.examples import Example

RELOAD: Final[Example] = {
    "outcome": "reloaded",
    "at": "2026-11-25T04:51:22+00:00",
    "seconds": 0.214,
    "models": [
        {
            "name": "baseline",
            "change": "unchanged",
            "sha256": "5f7f8c9a0c1e4f3c4a8f0a3bf1d3f8f96d2f0f3f5cbb1f7ad5b4f6b5b0a4c7d1",
        },
        {
            "name": "compact",
            "change": "changed",
            "sha256": "db626cdbc6673f0187251949c64cba66c747582d702b8b17076f81d81a1940ae",
        },
    ],
    "reason": None,
}
RELOADS: Final[Example] = {"reloads": 1, "refused": 0, "last": RELOAD}
