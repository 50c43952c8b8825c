"""Answer "Why isn't this visit there?" in one sentence, with what to do about it."""
