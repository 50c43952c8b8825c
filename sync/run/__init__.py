"""End a run, remember attempts, and say what a run may do."""
