"""Tell people outside when something is wrong, and when it is right again."""
