"""Measure: each figure as a ratio of two things, measured in turn in one run. Never a test."""
