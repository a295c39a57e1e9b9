"""At deployment: the limit of what the warehouse computes in a day."""
