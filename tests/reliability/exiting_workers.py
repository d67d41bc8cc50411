"""A service whose workers end with an exit code instead of starting, for as long as a file is there.

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
    """Ends before it is ready."""

    def load_wsgi(self) -> None:
        """End, or start."""
        if Path(sys.argv[2]).exists():
            sys.exit(int(sys.argv[1]))
        super().load_wsgi()


class ExitingApplication(ServiceApplication):
    """The service with such workers."""

    def load_config(self) -> None:
        """Configure gunicorn."""
        super().load_config()
        self.cfg.set("worker_class", ExitingWorker)


if __name__ == "__main__":
    settings = load_settings()
    with start_process(settings) as listener:
        service = ExitingApplication(settings, listener)
        with shared_folder() as service.metrics_folder:
            ServiceArbiter(service).run()
