"""When a loss is no number any more: the step in a file, what to say of it, doing it again."""
