"""Read what people export: CSV and XLSX of any usual form, their columns, their rows.

Pure: bytes in, rows and problems out. Nothing of a file is in an error's text.
"""
