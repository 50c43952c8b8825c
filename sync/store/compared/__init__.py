"""Read what belongs together for the comparison of both systems, and keep what it found."""
