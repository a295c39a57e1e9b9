"""Step 3 of a release: its answer, and who is told."""
