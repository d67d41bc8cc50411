"""Vocabularies of ids, and bulk operations on ids as text."""
