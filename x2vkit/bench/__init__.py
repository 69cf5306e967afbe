"""`x2vkit bench`: the figures of this machine."""
