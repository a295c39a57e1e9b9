"""What several stacks are made of: the one way to make each kind of thing."""
