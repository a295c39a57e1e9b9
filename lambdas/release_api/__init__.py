"""Releases over HTTPS: ask for one, and ask what became of it."""
