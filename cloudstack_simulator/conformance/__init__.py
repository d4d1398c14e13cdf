"""This will replay what a real CloudStack answered against the simulated one, and tell what differs."""
