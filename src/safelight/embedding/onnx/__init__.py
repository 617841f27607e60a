"""Models that ONNX Runtime runs."""
