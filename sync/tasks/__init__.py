"""Run a worker's job and the scheduler's tasks."""
