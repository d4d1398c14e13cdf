"""This will show the service at work: a simulated cloud, the real service, and a story told over the API alone."""
