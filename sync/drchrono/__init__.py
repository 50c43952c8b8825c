"""DrChrono: its OAuth, its calls, its wire forms."""
