"""Batches of photos from service to service: ingest, preprocess, features."""
