"""Reads ratings, splits them, and indexes them for training and evaluation."""
