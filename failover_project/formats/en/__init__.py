"""This will say how times are shown in English."""
