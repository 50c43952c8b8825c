"""Hold the pure part: records, times, merge and plan. No clock, no network, no SQL."""
