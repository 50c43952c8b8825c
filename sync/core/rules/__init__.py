"""Decide what is to be done: pure functions of both sides, their history and the policy."""
