"""Keep the visits and people of both systems the same. No Flask, no RQ in here."""
