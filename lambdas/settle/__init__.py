"""Step 5 of 5: what became of a batch, told to the ledger, the bucket and people."""
