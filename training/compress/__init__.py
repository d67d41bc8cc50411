"""Quantisation and bit allocation."""
