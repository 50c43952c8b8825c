"""Keep the truth in SQL: work, links, baselines, the journal of calls, tokens."""
