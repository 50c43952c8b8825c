"""Give the inbox of what a person must decide: list, look at one, show, answer many at once."""
