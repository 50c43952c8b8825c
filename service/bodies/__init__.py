"""Hold bodies that are too long for memory where nobody can read them."""
