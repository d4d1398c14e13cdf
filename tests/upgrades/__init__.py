"""Upgrades while failovers are under way."""
