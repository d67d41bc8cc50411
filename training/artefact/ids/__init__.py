"""Ids: vocabularies and their compact text arrays."""
