"""Answer inside DrChrono: who may ask by a framed page, and what it shows."""
