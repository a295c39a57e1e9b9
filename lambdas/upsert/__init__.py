"""Step 4 of 5: one batch, one transaction."""
