"""The rows of `visit`: where a visit stands, what holds it, and which occurrence it is."""
