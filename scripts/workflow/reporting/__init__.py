"""report.html at the end of a run or an evaluation."""
