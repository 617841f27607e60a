"""Clustering: edges between photos to groups."""
