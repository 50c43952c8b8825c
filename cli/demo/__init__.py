"""Play a scripted day on both sides, and check what each step costs."""
