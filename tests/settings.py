"""This will give tests the real settings, on files of their own that vanish with the test process."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_OWN = Path(tempfile.mkdtemp(prefix="failover-tests-"))
atexit.register(shutil.rmtree, _OWN, ignore_errors=True)

# What the caller's shell says about his own service must not reach a test. The database may be chosen: all tests run
# on both kinds.
for name in ("SECRET_KEY", "FIELD_KEY", "ALLOWED_HOSTS", "BIND_HOST", "BIND_PORT", "AUTH_DISABLED", "BROKER_URL"):
    os.environ.pop(name, None)
for name in ("CACHE_URL", "TIME_ZONE", "WORKER_THREADS", "LOG_LEVEL", "LOG_FILE"):
    os.environ.pop(name, None)
for name in (
    "METRICS_TOKEN",
    "HTTPS",
    "PROXY_PROTO_HEADER",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "CSRF_TRUSTED_ORIGINS",
):
    os.environ.pop(name, None)
os.environ["VAR_DIR"] = str(_OWN)
# Tests ask as fast as they can; those of the limits set limits of their own.
for name in ("STARTS_PER_MINUTE", "READS_PER_MINUTE", "FAILED_LOGINS_PER_MINUTE"):
    os.environ[name] = "0"
# Threads of a test see one database only if it is a file.
os.environ["TEST_SQLITE_FILE"] = str(_OWN / "test.sqlite3")

from failover_project.settings import *  # noqa: E402, F403

# Without it each request of a test warns that nothing was collected there.
(_OWN / "static").mkdir()
# Each client of a test would read what every static file is; so a file is looked for when it is asked for.
WHITENOISE_AUTOREFRESH = True
# A slow hash protects stored passwords; tests store none that matter.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
