"""Models on this machine: fetched, removed, verified."""
