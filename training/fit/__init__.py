"""Fits models by gradient descent and evaluates them."""
