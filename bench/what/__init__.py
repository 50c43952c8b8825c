"""Measure: each module one kind of figure, at a clinic that both systems have."""
