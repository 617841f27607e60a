"""Pages that show groups and plans."""
