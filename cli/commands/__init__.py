"""Define the operator's commands."""
