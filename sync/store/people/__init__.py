"""Keep the rows of `person`, and the patients and contacts that are theirs."""
