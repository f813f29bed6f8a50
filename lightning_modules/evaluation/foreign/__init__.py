"""Tables of predictions that another program wrote."""
