"""This will notice that the database is older than the world: a backup was restored, and the world went on since."""
