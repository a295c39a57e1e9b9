"""What several functions share: the domain, and the only calls to AWS."""
