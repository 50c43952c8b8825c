"""Find which visit an object belongs to."""
