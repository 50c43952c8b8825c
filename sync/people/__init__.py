"""Keep one person the same: chart, contacts and participants."""
