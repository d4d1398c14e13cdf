"""This will say how our metrics begin."""

PREFIX = "failover_"
