"""The rows that are the service's own: the pinned accounts, its keys, its ticks, its cleaning."""
