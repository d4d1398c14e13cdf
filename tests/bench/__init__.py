"""This will measure what the service costs and how close it comes to the time that the cloud itself needs."""
