"""Tools that check the dependencies of the project; not part of the service or of training."""
