"""`make bench`: what a load costs beside the least it could cost, and beside a peer."""
