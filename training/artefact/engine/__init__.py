"""The table engine: evaluates the weights of a model file in NumPy, without Keras."""

from training.artefact.engine.rating import RatingTables
from training.artefact.engine.reading import check_layers, read_tables
from training.families.table import SideTable

__all__ = ["RatingTables", "SideTable", "check_layers", "read_tables"]
