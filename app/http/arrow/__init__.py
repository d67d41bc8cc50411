"""The binary form of `/predict/batch`: columns as an Arrow stream, in and out."""

from app.http.arrow.reading import read_pairs
from app.http.arrow.writing import write_ratings

__all__ = ["read_pairs", "write_ratings"]
