"""This will hold the tests of jobs."""
