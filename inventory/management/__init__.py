"""This will hold the management commands of the inventory."""
