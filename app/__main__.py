"""`python -m app`: serve the models of the store. Settings come from the environment (docs/settings.md)."""

import signal
import sys
from typing import Final

_ADVICE: Final = "train one with `make train STORE=store`, and serve it with `make serve STORE=store`"


def main(advice: str = _ADVICE) -> int:
    """Serve until a signal ends the process, and return 0; return 1 if the service could not start.

    If there is no models store, the message ends with `advice`, which states how to get one.
    """
    # It would end the process during the imports, which take half a second. The server unblocks it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from app.observability.log_handler import hold_standard_streams

    hold_standard_streams()
    from app.contract.errors import StartError
    from app.server import refuse_to_start, run_server, start_process
    from app.settings import load_settings
    from training.artefact import ArtefactError, StoreMissing

    try:
        settings = load_settings()
        with start_process(settings) as (keys, listener):
            if settings.workers > 1:
                # Imports gunicorn, which one worker does not need.
                from app.workers import run_workers

                run_workers(settings, keys, listener)
            else:
                run_server(settings, keys, listener)
    except (StartError, ArtefactError) as error:
        refuse_to_start(f"{error}; {advice}" if isinstance(error, StoreMissing) else error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
