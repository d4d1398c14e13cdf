"""This will run statements that are compiled once, for every app; it knows none of them."""
