"""The functions that run in AWS."""
