"""This will hold the tests of networks."""
