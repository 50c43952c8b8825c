"""Do what a person asks or decides, and explain what stands."""
