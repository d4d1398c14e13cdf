"""Hold what the tests of all parts share."""
