"""The library: one SQLite file that holds what is known of photos, and indexes derived from it."""
