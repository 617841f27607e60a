"""Messages between services: batches of artifacts."""
