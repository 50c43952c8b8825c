"""Match what both systems already have: at go-live and after a lost database."""
