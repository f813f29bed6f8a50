"""A gate for CI: bounds on what an evaluation measured, judged and written as JUnit XML."""
