"""Show the whole thing running."""
