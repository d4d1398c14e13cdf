"""This will take inventory documents in: read them, check them, and bring the rows to what they say."""
