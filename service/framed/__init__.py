"""Serve the pages that DrChrono frames."""
