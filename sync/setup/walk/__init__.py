"""Walk a person through the set-up: which step stands how, and what is to be done next."""
