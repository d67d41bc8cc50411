"""Arrow streams as request and response bodies of `/predict/batch`."""

from app.http.arrow.reading import read_pairs
from app.http.arrow.writing import write_ratings

__all__ = ["read_pairs", "write_ratings"]
