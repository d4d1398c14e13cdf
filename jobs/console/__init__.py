"""This will be the operators' door in the browser: job pages, verbs with a reason, starts with readiness."""
