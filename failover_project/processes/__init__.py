"""This will run the service as several processes on one machine, and keep them running."""
