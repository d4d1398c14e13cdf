"""This will show what holds of real processes: the service, the simulated cloud, and kill -9 between them."""
