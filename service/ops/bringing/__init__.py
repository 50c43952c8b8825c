"""Take files in, and lead a batch of them through its pages."""
