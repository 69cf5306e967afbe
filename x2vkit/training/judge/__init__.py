"""Training the judge: its frame model, then its motion model."""
