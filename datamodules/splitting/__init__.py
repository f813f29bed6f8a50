"""Which image is trained on and which tested, whole groups only."""
