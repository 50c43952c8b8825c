"""Bring in what is already there: from a file, or from the record (docs/adr/0037-batches.md)."""
