"""Data sets: photos with their vectors, and all that is known of them, as Parquet."""
