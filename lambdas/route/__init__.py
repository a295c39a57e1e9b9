"""Step 1 of 5: which job a file belongs to, and the execution that will load it."""
