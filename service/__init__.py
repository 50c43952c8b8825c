"""Serve the doors: webhooks, OAuth, health, metrics."""
