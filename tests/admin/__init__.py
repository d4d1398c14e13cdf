"""This will hold the tests of the admin site."""
