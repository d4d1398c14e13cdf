"""This will look for a schedule of faults under which the service does harm."""
