"""Training ratings grouped by user and by movie, in memory or mapped from files."""
