"""Every request that leaves: one transport, one gate, one budget."""
