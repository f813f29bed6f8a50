"""How fast the data engine is, as ratios within one run of scripts/benchmark.py."""
