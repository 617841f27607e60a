"""Known models, and digests of their files."""
