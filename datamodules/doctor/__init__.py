"""The data doctor: what is wrong with a data set, before anything is trained on it.

``diagnose`` finds, ``write_page`` and ``write_tables`` show. Nothing here stops at a mistake.
"""
