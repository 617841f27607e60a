"""Models from a hub."""
