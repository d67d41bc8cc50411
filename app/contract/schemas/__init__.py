"""What goes over the wire: requests are strict pydantic models, answers frozen dataclasses."""
