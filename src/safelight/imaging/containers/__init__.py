"""File formats of photos, read by their own structure."""
