"""OnCall Health's public API, as its guides and the facts sheet tell it."""
