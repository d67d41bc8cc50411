"""The table engine: evaluates the weights of a model file in NumPy, without Keras."""

from training.artefact.engine.fold_in import Prior as Prior
from training.artefact.engine.pairs import ScoredPairs as ScoredPairs
from training.artefact.engine.pairs import movie_indices as movie_indices
from training.artefact.engine.pairs import rate_with_fallback as rate_with_fallback
from training.artefact.engine.ranking import best_movies as best_movies
from training.artefact.engine.ranking import highest as highest
from training.artefact.engine.rating import RatingTables as RatingTables
from training.artefact.engine.rating import rounded as rounded
from training.artefact.engine.rating import with_biases as with_biases
from training.artefact.engine.tables import check_layers as check_layers
from training.artefact.engine.tables import read_tables as read_tables
from training.artefact.engine.twins import MAX_VALUES as MAX_VALUES
from training.artefact.engine.twins import count_equal_rows as count_equal_rows
from training.artefact.engine.twins import count_twins as count_twins
from training.families.table import SideTable as SideTable
