"""A model file's weights as tables, evaluated in plain NumPy: what serves, without Keras."""

from training.artefact.engine.rating import RatingTables
from training.artefact.engine.reading import check_layers, read_tables
from training.families.table import SideTable

__all__ = ["RatingTables", "SideTable", "check_layers", "read_tables"]
