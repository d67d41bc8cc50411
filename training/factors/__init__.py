"""Variational matrix factorisation by blocks of rows, for any number of ratings."""
