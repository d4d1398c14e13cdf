"""This will hold the commands of the app."""
