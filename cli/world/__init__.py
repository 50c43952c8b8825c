"""Run all processes on one machine."""
