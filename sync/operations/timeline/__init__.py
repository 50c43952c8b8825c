"""Tell what happened to one visit or person: what came, what was made of it, who did what."""
