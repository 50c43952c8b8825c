"""Send every request: one transport, one gate, one budget."""
