"""Read the rows of a file, whatever its form: CSV in any usual dialect, or XLSX."""
