"""Which devices and processes compute, and what fits into their memory."""
