"""This will count what only the process that does it knows, and keep the sums of all processes in the database."""
