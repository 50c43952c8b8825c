"""Say which answers may be believed."""
