"""From a ratings file to an artefact in the store."""
