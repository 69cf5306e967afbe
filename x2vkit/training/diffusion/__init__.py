"""Training the video transformer and its text encoder."""
