"""The error/size frontier: a grid of models trained on one split, and the table of their figures."""
