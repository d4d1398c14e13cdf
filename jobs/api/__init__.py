"""This will hold the HTTP doors of failover jobs."""
