"""runs.py: what lies in outputs/, listed, shown and compared."""
