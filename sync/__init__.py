"""What is being done: keep visits and people of two systems the same. No Flask, no RQ in here."""
