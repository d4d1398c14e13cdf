"""This will keep what people and programs did, so that nobody can change it afterwards without being noticed."""
