"""The binary form of `/predict/batch`: columns as an Arrow stream, in and out."""

from app.arrow.reading import Column, Pairs, read_pairs
from app.arrow.writing import write_ratings

__all__ = ["Column", "Pairs", "read_pairs", "write_ratings"]
