"""The library: one SQLite file for everything known about photos, and derived indexes."""
