"""Plan and do each kind of batch."""
