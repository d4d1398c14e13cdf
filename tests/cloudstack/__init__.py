"""Show what the gateway sends, reads and says."""
