"""This will tell people and programs what becomes of failovers: an outbox, three channels, and a log of deliveries."""
