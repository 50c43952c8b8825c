"""Run the queue: the bell, the jobs, the entries of worker and beat."""
