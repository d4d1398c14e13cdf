"""This will compare what the inventory and the journal say with what the clouds show, and change nothing."""
