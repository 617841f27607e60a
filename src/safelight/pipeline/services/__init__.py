"""Services of the pipeline: ingest, preprocess, features."""
