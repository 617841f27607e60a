"""Exchange with other systems: data sets of Parquet, vector stores."""
