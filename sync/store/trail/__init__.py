"""Keep the audit: deeds, chained by keyed MACs, and what proves that none was changed or lost."""
