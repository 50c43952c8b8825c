"""Read what single cells say: dates, times, lengths, and words."""
