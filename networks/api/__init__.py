"""This will hold the HTTP doors of the app."""
