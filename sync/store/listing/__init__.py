"""List what is kept of deliveries, calls, conflicts and deeds, however much of it there is."""
