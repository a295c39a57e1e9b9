"""What 1,000 files cost: prices of AWS on what an emulated account counted."""
