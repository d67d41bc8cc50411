"""`python -m app`: serve the models of the store. Settings come from the environment (docs/settings.md)."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Serve until told to stop.

    Returns:
        The exit code: 0 after a stop that was asked for, 1 if nothing could be started.
    """
    # Before the imports, which take half a second: it would end the process. `keep_hangups` lets it in.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from app.observability.log_handler import hold_standard_streams

    hold_standard_streams()
    from app.contract.errors import StartError
    from app.server import refuse_to_start, serve
    from app.settings import load_settings
    from training.artefact import ArtefactError

    try:
        return serve(load_settings())
    except (StartError, ArtefactError) as error:
        refuse_to_start(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
