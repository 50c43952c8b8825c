"""Bring in what is already there: from a file, or from the record."""
