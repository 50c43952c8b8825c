"""What the answer of a remote means for the call that got it: the one error table."""
