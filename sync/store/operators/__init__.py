"""Keep who may use the operations pages, who is signed in, and who failed to."""
