"""Duplicates: find related photos, choose keepers, plan file operations."""
