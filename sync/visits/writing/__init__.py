"""Write changes to an object that is there."""
