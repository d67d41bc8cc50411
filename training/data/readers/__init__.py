"""Readers of ratings files."""
