"""Hold the tests of the house rules: what documents promise and what code must keep to."""
