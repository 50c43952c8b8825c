"""OnCall Health: its calls and its wire forms."""
