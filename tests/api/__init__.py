"""This will hold the tests of api."""
