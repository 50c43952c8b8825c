"""Serve DrChrono's appointments: one by one, in lists, and as series."""
