"""Zero-shot labels: what a photo shows, in words of a given list."""
