"""Report what differs between both systems, and what is not linked; writes to neither."""
