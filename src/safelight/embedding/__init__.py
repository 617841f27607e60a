"""Embedding models: images and texts in, unit vectors out."""
