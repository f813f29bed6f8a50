"""Regions of interest: their planes, margins, shares and how they were found."""
