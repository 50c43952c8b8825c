"""Find out which patient a visit is with."""
