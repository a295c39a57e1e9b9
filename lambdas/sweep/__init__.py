"""Beside the way of a file: what was overlooked is found, and sent the way everything goes."""
