"""Show the pages of the people who operate the service: one module each, listed in `every`."""
