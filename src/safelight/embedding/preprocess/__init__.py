"""Input of models: photos to tensors, texts to token ids."""
