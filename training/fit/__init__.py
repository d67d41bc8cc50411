"""Fit models by gradient descent, and evaluate them."""
