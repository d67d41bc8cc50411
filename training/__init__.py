"""Training: from a ratings file to an artefact in the store. Runs offline; never imports `app`."""
