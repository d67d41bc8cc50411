"""Training: from a ratings file to an artefact in the store. Runs offline; never imports `app`."""

import logging

# As libraries do: without a handler of the program, warnings stay out of what commands print.
logging.getLogger(__name__).addHandler(logging.NullHandler())
