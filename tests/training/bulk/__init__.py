"""Tests of training.bulk."""
