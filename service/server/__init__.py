"""Serve connections: gunicorn with a loop of our own."""
