"""Bring one group visit to where both sides agree."""
