"""This will hold the command that imports an inventory file."""
