"""This will show the service in figures, as Prometheus reads them."""
