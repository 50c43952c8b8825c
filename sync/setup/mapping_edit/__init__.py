"""Change the mapping file: previewed, whole or not at all, and with its versions kept."""
