"""Misbehave as a remote may."""
