"""Bound what callers may cost, and settle by a read what they told (ADR 0017)."""
