"""With the table engine, the service never imports the training libraries."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY

CODE = """
import sys
import app.main, app.server, app.workers
from app.scoring.loading import load_registry
from app.settings import Settings
registry = load_registry(Settings())
for model in registry.models.values():
    assert len(model.scorer.top("user_1", 5)[0]) == 5
print(sorted(name for name in ("keras", "tensorflow", "pandas", "pyarrow") if name in sys.modules))
print(sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("training.")}))
"""


def test_serving_the_shipped_store_imports_no_training_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    heavy, packages = done.stdout.splitlines()
    assert heavy == "[]"
    # The files that the Dockerfile copies into the image of the service.
    assert packages == "['training.artefact', 'training.errors', 'training.families']"
