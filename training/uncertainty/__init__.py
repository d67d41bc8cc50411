"""Fits how far ratings are from a model's predictions, on rows that the model was not fitted to."""
