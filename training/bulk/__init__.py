"""Score many users or pairs at once, with the answers of the service."""
