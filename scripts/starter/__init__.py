"""What scripts/build_starter.py is made of."""
