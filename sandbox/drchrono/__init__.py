"""DrChrono, API v4, as its reference, its schema and the facts sheet tell it."""
