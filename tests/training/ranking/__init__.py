"""Tests of training.ranking."""
