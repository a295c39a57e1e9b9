"""Step 2 of a release: its calls, one after the other, each once."""
