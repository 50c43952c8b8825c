"""Run a practice of many doctors for a simulated day, and count what it costs."""
