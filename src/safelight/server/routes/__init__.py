"""Endpoints, one file a resource. They hold no logic."""
