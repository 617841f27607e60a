"""Models that run with PyTorch, as open_clip and transformers load them (the ``torch`` extra)."""
