"""Put right by hand what was linked wrongly or not at all, and answer what is asked."""
