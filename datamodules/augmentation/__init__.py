"""Training augmentation: batch by batch, every draw a pure function of (seed, epoch, row)."""
