"""Bring one visit to where both sides agree."""
