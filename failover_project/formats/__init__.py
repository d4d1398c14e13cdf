"""This will say how times are shown in the console: by language, as Django looks for it."""
