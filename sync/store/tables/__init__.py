"""Read and write each table; nobody else writes it."""
