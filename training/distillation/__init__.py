"""Distillation: a large blend of models teaches small ones (docs/distillation.md)."""
