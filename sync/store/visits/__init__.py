"""Keep the rows of `visit`: where a visit stands, what holds it, which occurrence it is."""
