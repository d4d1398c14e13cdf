"""This will carry out the commands of the simulated cloud."""
