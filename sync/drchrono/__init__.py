"""Speak DrChrono's API: its OAuth, its calls, the form of its objects."""
