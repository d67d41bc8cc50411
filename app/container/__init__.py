"""What the image runs beside the service."""
