"""Show that the service does what it says."""
