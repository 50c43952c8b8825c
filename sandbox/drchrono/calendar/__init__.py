"""Appointments as DrChrono keeps them: one by one, listed, recurring."""
