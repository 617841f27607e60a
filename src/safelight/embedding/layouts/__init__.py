"""Layouts of model folders, by the names of their files."""
