"""Do the least that could be called the same work: what a figure is compared with."""
