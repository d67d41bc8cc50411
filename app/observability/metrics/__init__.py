"""What the service counts of itself, and how Prometheus is told.

Counting is plain arithmetic in the process that answers (`tallies`, `ratings`); `slots` shares it with the
other workers; `exposition` turns the sum into Prometheus's text, and `telling` does both when it is time.

**The contract with a supervisor** of several workers, in each worker's environment (neither is a setting):

* `RATINGS_METRICS_DIR`: one folder for all workers of this supervisor, made empty before the first starts and
  deleted after the last has ended. Workers write small files there and never delete one.
* `RATINGS_WORKER_SLOT`: a number from 0 to the number of workers less 1. No two workers that live at the same
  time have the same; one that takes the place of one that ended gets its number, and goes on counting where
  that one stopped.

Without both, a process counts for itself alone.
"""

from typing import Final

FOLDER: Final = "RATINGS_METRICS_DIR"
NUMBER: Final = "RATINGS_WORKER_SLOT"
