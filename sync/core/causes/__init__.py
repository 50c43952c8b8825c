"""Say each cause of an attention item in the words of a clinic's staff. Pure data."""
