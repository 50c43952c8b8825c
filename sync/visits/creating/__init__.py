"""Make the missing side of a visit, once."""
