"""Step 3 of 5: what each file is and which columns it has, from a few ranged reads of S3."""
