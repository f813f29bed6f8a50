"""What the commands share: run folders, the plan of a run, building its objects, fitting."""
