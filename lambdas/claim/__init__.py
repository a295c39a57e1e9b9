"""Step 2 of 5: a table of its own, and the files of one batch."""
