"""From the table to batches: order, decoding, cache, preparation."""
