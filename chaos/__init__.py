"""The proof by breaking it: real processes, random edits on both sides, every fault we can make."""
