"""Serve OnCall Health's public API as its guides describe it (docs/api-facts.md)."""
