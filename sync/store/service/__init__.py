"""Keep the service's own rows: the pinned accounts, its keys, its ticks, its cleaning."""
