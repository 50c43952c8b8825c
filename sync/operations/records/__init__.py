"""List deliveries, calls, conflicts and deeds for people: searched, paged, handed out."""
