"""Benchmarks: each a question, measured beside a peer in the same run."""
