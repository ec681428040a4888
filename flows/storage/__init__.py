"""The output: file systems, Parquet files, locks."""
