"""Hold the service to docs/api/failover-api.md: every example, every endpoint and every word of it."""
