"""This will hold the read-only doors for those who look for what is wrong."""
