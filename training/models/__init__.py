"""Models: from settings to Keras models."""
