"""This will describe the database from the models, for docs/database-schema.md."""
