"""Compare what a webhook or a list shows with what is stored, and raise what differs."""
