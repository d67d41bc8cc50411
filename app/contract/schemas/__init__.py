"""Schemas of bodies and queries: requests are strict pydantic models, responses frozen dataclasses."""
