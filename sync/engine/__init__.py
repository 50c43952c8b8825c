"""From a hint to both sides being the same."""
