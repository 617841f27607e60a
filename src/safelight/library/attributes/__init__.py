"""Attributes of photos: scores, labels, hashes, edges, decisions."""
