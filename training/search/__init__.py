"""Searches for models: under a budget, and along the error/size frontier."""
