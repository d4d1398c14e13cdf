"""This will hold the tests of validation."""
