"""Several models on the same images: which is better, and whether that can be told."""
