"""This will hold what the templates of jobs use."""
