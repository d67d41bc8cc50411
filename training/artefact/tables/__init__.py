"""A model file's weights as tables, evaluated in plain NumPy: what serves, without Keras."""

from training.artefact.tables.rating import RatingTables
from training.artefact.tables.reading import check_layers, read_tables
from training.artefact.tables.side import SideTable

__all__ = ["RatingTables", "SideTable", "check_layers", "read_tables"]
