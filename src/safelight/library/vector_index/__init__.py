"""Vector indexes of a space: flat (exact) and IVF (clustered)."""
