"""What looks at the project's own dependencies; no part of the service or of training."""
