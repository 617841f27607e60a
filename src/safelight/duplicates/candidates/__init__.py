"""Candidate generation: pairs of photos worth verifying."""
