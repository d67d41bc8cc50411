"""Builds, names and loads models."""
