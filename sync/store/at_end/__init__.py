"""Write what many share as a transaction ends: counts, signals, and what this process owes."""
