"""The sections of a report, a file each: a function from the record to a ``Section``."""
