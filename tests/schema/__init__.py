"""Hold the API to its own description, and to answering sensibly whatever it is sent."""
