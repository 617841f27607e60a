"""Schemas of requests and answers. Their names are part of the API: they never change."""
