"""The rules that a verdict follows: a function from the record to a ``Check`` or several."""
