"""Known models, and those on this machine."""
