"""find_roi.py and what a run knows of ROIs that were found."""
