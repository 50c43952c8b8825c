"""Keep batches: their rows, their items, files that wait sealed, how columns were named."""
