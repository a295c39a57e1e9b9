"""Step 1 of a release: which calls are asked for, and whether they may run now."""
