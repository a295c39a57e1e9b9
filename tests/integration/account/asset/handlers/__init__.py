"""Tiny functions that misbehave on request."""
