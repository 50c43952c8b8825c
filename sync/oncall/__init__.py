"""Speak OnCall Health's API: its calls, the form of its objects."""
