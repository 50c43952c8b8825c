"""Classify the answers of both APIs."""
