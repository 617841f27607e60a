"""Photos that belong together: how they are related, and what to do about it."""
