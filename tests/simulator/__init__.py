"""This will test the simulated cloud itself."""
