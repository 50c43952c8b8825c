"""A practice of many doctors, run for a simulated day: what it costs, and what it leaves behind."""
