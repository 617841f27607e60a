"""Files of every kind: opening them safely and reading what others wrote into them."""
