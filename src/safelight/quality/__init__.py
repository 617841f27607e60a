"""How good a photo is technically, in the numbers that the field has published."""
