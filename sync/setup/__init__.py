"""Attach both practices, and check that they are known and sound."""
