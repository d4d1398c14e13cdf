"""This will show that what becomes of failovers is told, and that telling it holds up nothing."""
