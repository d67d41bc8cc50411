"""A service whose workers exit with a code instead of starting, and whose reloads fail, while a file exists.

Arguments: the exit code, and the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.observability.metrics.worker_files import shared_folder
from app.server import start_process
from app.settings import load_settings
from app.workers import ServiceApplication, ServiceArbiter, ServiceWorker


class ExitingWorker(ServiceWorker):
    """A worker that exits if the file exists."""

    def load_wsgi(self) -> None:
        """Exit, or start."""
        if Path(sys.argv[2]).exists():
            sys.exit(int(sys.argv[1]))
        super().load_wsgi()


class ExitingApplication(ServiceApplication):
    """The service with such workers."""

    def load_models(self) -> None:
        """Fail unexpectedly, except at the start."""
        if self.registry is not None and Path(sys.argv[2]).exists():
            raise RuntimeError("a bug")
        super().load_models()

    def load_config(self) -> None:
        """Configure gunicorn."""
        super().load_config()
        self.cfg.set("worker_class", ExitingWorker)


if __name__ == "__main__":
    settings = load_settings()
    with start_process(settings) as (keys, listener), shared_folder() as folder:
        ServiceArbiter(ExitingApplication(settings, keys, listener, folder)).run()
