"""Examples of a test for people to look at: which images, and what is drawn of them."""
