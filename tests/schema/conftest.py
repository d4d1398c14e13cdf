"""This will lend the fixtures of the API's tests: callers of each role, and a cloud over HTTP."""

from tests.api.conftest import admin, cloud, inventory, operator, viewer

__all__ = ["admin", "cloud", "inventory", "operator", "viewer"]
