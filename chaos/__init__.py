"""Prove by breaking: run real processes, edit both sides at random, cause every fault we can."""
