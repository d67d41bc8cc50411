"""Take screenshots of the page at three widths, light and dark: `python -m tests.web.screenshots FOLDER`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.app.processes import running
from tests.conftest import REPOSITORY
from tests.web.browser import launched, visiting

SIZES = {
    "desktop": ({"width": 1280, "height": 800}, "light"),
    "tablet": ({"width": 768, "height": 1024}, "light"),
    "phone": ({"width": 390, "height": 844}, "dark"),
}
VIEWS = {
    "predict": "/",
    "recommend": "/?view=recommend&user=1&n=5",
    "compared": "/?view=recommend&user=1&n=5&compare=all",
    "new-user": "/?view=new-user&rated=1193:5,2858:4,480:2",
    "models": "/?view=models",
    "evaluate": "/?view=evaluate",
}
# Views with ratings, on models trained here on the bundled ratings: the shipped models include none.
RATED_VIEWS = {
    "predict-rated": "/?user=1&movie=1",
    "recommend-rated": "/?view=recommend&user=1&n=5&rated=too&compare=all",
}


# Invented ratings: those of the data set must not be redistributed.
_RATINGS = [
    f"{user},{movie},{3 + (user + movie) % 5 / 2}"
    for user in range(1, 120)
    for movie in (1193, 661, 2858, 1, 480, 7 * user + 3000)
]
# What the view `evaluate` is given, by the name of the screenshot.
EVALUATIONS = {
    "evaluate": ["user,movie,rating", *_RATINGS],
    "evaluate-columns": ["who,film,is_read,verdict", *(",1,".join(row.rsplit(",", 1)) for row in _RATINGS)],
    "evaluate-question": ["user,movie,rating", *(f"{n % 40},{n},{n % 11}" for n in range(1, 361))],
}


def _evaluate(page: Page, lines: list[str]) -> None:
    page.get_by_label("Or paste lines").fill("\n".join(lines))
    page.get_by_role("button", name="Evaluate", exact=True).click()
    expect(page.locator("#view-evaluate :is(table, .question)").first).to_be_attached()


def _take(browser: Browser, store: Path, views: dict[str, str], folder: Path) -> None:
    with running(store, log_level="warning") as server:
        for size, (viewport, scheme) in SIZES.items():
            with visiting(browser, server.url, viewport=viewport, color_scheme=scheme) as visitor:
                for view, address in views.items():
                    page = visitor.open(address)
                    if view in EVALUATIONS:
                        _evaluate(page, EVALUATIONS[view])
                    expect(page.locator(".loading")).to_have_count(0)
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(300)  # charts are drawn in the next frame
                    page.screenshot(path=folder / f"{view}-{size}.png", full_page=True)


def main(folder: Path) -> None:
    """Write one PNG for each view and size."""
    folder.mkdir(parents=True, exist_ok=True)
    with launched() as browser, tempfile.TemporaryDirectory() as store:
        evaluations = dict.fromkeys(EVALUATIONS, VIEWS["evaluate"])
        _take(browser, REPOSITORY / "models_store", {**VIEWS, **evaluations}, folder)
        subprocess.run(
            [sys.executable, "-m", "training", "fit", "baseline", "memory_efficient", "--store", store],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        _take(browser, Path(store), RATED_VIEWS, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
