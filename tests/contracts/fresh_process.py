"""A Python process that has imported only the trainer's layers, kept for the whole test run."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

_REPOSITORY = Path(__file__).resolve().parents[2]
_CODE = """
import importlib, json, sys
import keras, numpy, tensorflow
import training.layers

for line in sys.stdin:
    task = json.loads(line)
    try:
        importlib.import_module(task["module"])
        model = keras.saving.load_model(task["model"], compile=False, safe_mode=True)
        inputs = [tensorflow.constant(array, dtype=dtype) for array, dtype in task["inputs"]]
        outputs = model(inputs[0] if len(inputs) == 1 else inputs)
        print(json.dumps({"outputs": numpy.asarray(outputs).tolist()}), flush=True)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
"""


def predict_in_fresh_process(
    model: Path, inputs: list[np.ndarray[Any, Any]], module: str = "training.layers"
) -> np.ndarray[Any, Any]:
    """Return the predictions of a `.keras` file, loaded in safe mode with only the layers registered.

    Args:
        model: The file.
        inputs: One array for each input.
        module: One more module to import before, which registers what the file needs.
    """
    worker = _worker()
    assert worker.stdin is not None
    assert worker.stdout is not None
    arrays = [
        (array.tolist(), "string" if array.dtype.kind in "OU" else str(array.dtype)) for array in inputs
    ]
    worker.stdin.write(json.dumps({"model": str(model), "inputs": arrays, "module": module}) + "\n")
    worker.stdin.flush()
    answer = json.loads(worker.stdout.readline())
    assert "error" not in answer, answer["error"]
    return np.asarray(answer["outputs"])


@functools.cache
def _worker() -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", _CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=_REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(_REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    atexit.register(_end, worker)
    return worker


def _end(worker: subprocess.Popen[str]) -> None:
    worker.communicate("")  # the process ends at the end of its input
