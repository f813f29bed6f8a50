"""What a file holds: opening, decoding and refusing images and masks."""
