"""Photos that belong together: how they are related, which to keep, and what to do with the rest."""
