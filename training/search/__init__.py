"""Searches for models within a budget and along the error/size frontier."""
