"""Set an installation up, and what is done to it as a whole."""
