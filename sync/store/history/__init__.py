"""Read what happened to one visit or person, each kind of event by itself, newest first."""
