"""Find what one system's record has and the other lacks, and bring it there an item at a time."""
