"""At deployment: the repository's jobs go into the bucket."""
