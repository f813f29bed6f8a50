"""From a user's table, folder or tars to the one table of images."""
