"""Load and read one visit."""
