"""This will give web servers the WSGI application."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "failover_project.settings")

application = get_wsgi_application()

# Servers that load only this module run no system checks: what these refuse is refused here.
from failover_project.api.checks import announce_authentication  # noqa: E402

announce_authentication(host=settings.BIND_HOST)
