"""Serve DrChrono's API v4 as its reference and schema describe it (docs/api-facts.md)."""
