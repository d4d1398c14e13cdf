"""This will hold all settings; it is the one place that reads the environment."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dj_database_url
import structlog
from django.core.exceptions import ImproperlyConfigured

from debugtools.log_file import FormattedOnce, stamp_process
from failover_project import environment as env
from failover_project.console.look import UNFOLD  # noqa: F401  (the admin reads it here)
from inventory.redaction import Redactor

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# The head of the audit's chain is kept outside the database, so that a cut tail is noticed.
GENERATION_FILE = VAR_DIR / "generation"
AUDIT_HEAD_FILE = VAR_DIR / "audit-head.json"

SECRET_KEY = env.secret("SECRET_KEY", file=VAR_DIR / "secret-key")
FIELD_KEY = env.secret("FIELD_KEY", file=VAR_DIR / "field-key")
DEBUG = False
ALLOWED_HOSTS = env.listed("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
BIND_HOST = env.text("BIND_HOST", "127.0.0.1")
BIND_PORT = int(env.number("BIND_PORT", 8082))
WEB_PROCESSES = int(env.number("WEB_PROCESSES", 2))
WEB_THREADS = int(env.number("WEB_THREADS", 8))
AUTH_DISABLED = env.flag("AUTH_DISABLED", default=False)
METRICS_TOKEN = env.optional_secret("METRICS_TOKEN")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "failover_project.api.apps.AccessConfig",
    "audit.apps.AuditConfig",
    "inventory.apps.InventoryConfig",
    "inventory.tallies.apps.TalliesConfig",
    "networks.apps.NetworksConfig",
    "notifications.apps.NotificationsConfig",
    "validation.apps.ValidationConfig",
    "jobs.apps.JobsConfig",
    "jobs.generation.apps.GenerationConfig",
    "debugtools.apps.DebugtoolsConfig",
]

MIDDLEWARE = [
    "failover_project.api.request_log.RequestLog",
    "failover_project.api.middleware.ApiConventions",
    "failover_project.api.audit_trail.AuditTrail",
    "failover_project.api.page_policies.PagePolicies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "failover_project.api.throttles.LoginLimit",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "failover_project.urls"
WSGI_APPLICATION = "failover_project.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database: the truth. SQLite in the embedded default, PostgreSQL by URL. ---
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{VAR_DIR / 'failover.sqlite3'}")


def _database() -> dict[str, Any]:
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(DATABASE_URL, conn_max_age=None))
    except ValueError:
        # Without the original, whose words may hold the password.
        raise ImproperlyConfigured(
            "DATABASE_URL must be like postgres://user:password@host/name or sqlite:///file, with the special "
            "characters of the password written as %XX."
        ) from None
    if database["ENGINE"] not in {"django.db.backends.sqlite3", "django.db.backends.postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// or sqlite:///: no other database serves.")
    if database["ENGINE"] == "django.db.backends.sqlite3":
        # With Django's default options 96 % of 50 concurrent writers failed; with these none did.
        database["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
        }
        # Threads of a test must see one database: a file, never the shared in-memory cache with its table locks.
        database["TEST"] = {"NAME": env.text("TEST_SQLITE_FILE") or None}
        Path(database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    else:
        # A server that swallows connections must be noticed while somebody still waits for the answer.
        options = database.setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 5)
        if DATABASE_PREPARES:
            # What is kept is planned once and not five times before: it is written so that values change no plan.
            given = options.get("options", "")
            options["options"] = f"{given} -c plan_cache_mode=force_generic_plan".strip()
    return database


# The engine's statements are parsed and planned once for a connection. A pooler that hands a connection to somebody
# else after each transaction (pgbouncer before 1.21) must not be told so.
DATABASE_PREPARES = env.flag("DATABASE_PREPARES", default=True)
DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "failover_project.console.roles.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "failover_project.formats"
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = True

# --- Celery: wake-ups only. No result backend, no retries, no countdowns (DESIGN section 3). ---
BROKER_URL = env.text("BROKER_URL", "memory://")
if BROKER_URL.startswith("valkey"):
    # The same protocol; the client library knows it by its older name only.
    BROKER_URL = f"redis{BROKER_URL.removeprefix('valkey')}"
CELERY_BROKER_URL = BROKER_URL
IS_RABBITMQ = BROKER_URL.startswith(("amqp://", "amqps://", "pyamqp://"))
# What a message's urgency is for Redis (0 first) is turned round for RabbitMQ (the largest first).
LEAST_URGENT = 6
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"polling_interval": 0.01}
    if BROKER_URL.startswith("memory")
    else {"connect_timeout": 2, "read_timeout": 5, "write_timeout": 5}
    if IS_RABBITMQ
    # The steps are the urgencies of the phases (jobs/runtime.py): Redis keeps a list for each. A message that a dying
    # worker has taken may be lost, the sweeper finds its job: keeping account of it costs as much as the message.
    else {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "priority_steps": list(range(LEAST_URGENT + 1)),
        "ack_emulation": False,
    }
)
if IS_RABBITMQ:
    CELERY_TASK_QUEUE_MAX_PRIORITY = LEAST_URGENT
# Wake-ups need no disk: what is lost with the broker the sweeper finds.
CELERY_TASK_DEFAULT_DELIVERY_MODE = "transient"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_DB_REUSE_MAX = 10_000
# Work that waits is in the database: a worker that came before its broker waits for it for ever.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
WORKER_THREADS = int(env.number("WORKER_THREADS", 6))
CELERY_WORKER_CONCURRENCY = WORKER_THREADS
# Also where somebody forgets `--pool threads`: the heartbeat of the lease and its work must be in one process.
CELERY_WORKER_POOL = "threads"

# --- The clouds: what each process asks of one at most, so that its management server has some air left. ---
CLOUD_CALLS_PER_SECOND = env.number("CLOUD_CALLS_PER_SECOND", 200)
CLOUD_CALLS_AT_ONCE = int(env.number("CLOUD_CALLS_AT_ONCE", 100))

# --- Flower: looks at the workers, changes nothing, and always asks for a password. ---
FLOWER_ADDRESS = env.text("FLOWER_ADDRESS", "127.0.0.1")
FLOWER_PORT = int(env.number("FLOWER_PORT", 5555))
FLOWER_USER = env.text("FLOWER_USER", "operator")
FLOWER_PASSWORD = env.secret("FLOWER_PASSWORD", file=VAR_DIR / "flower-password")

# --- Notifications: to whom may be sent, by exact name of the host. ---
SLACK_HOSTS = env.listed("SLACK_HOSTS", "hooks.slack.com")
WEBHOOK_HOSTS = env.listed("WEBHOOK_HOSTS", "")
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_SECURITY = env.choice("EMAIL_SECURITY", "starttls", among=("starttls", "tls", "none"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_PORT = int(env.number("EMAIL_PORT", {"starttls": 587, "tls": 465, "none": 25}[EMAIL_SECURITY]))
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.optional_secret("EMAIL_HOST_PASSWORD")
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "failover@localhost")
# A mail server that takes the connection and says nothing is waited for so long.
EMAIL_TIMEOUT = 10
# Who is told of what belongs to no failover: a cloud that differs from what is recorded.
OPERATORS_EMAIL = env.text("OPERATORS_EMAIL")
OPERATORS_SLACK_WEBHOOK = env.optional_secret("OPERATORS_SLACK_WEBHOOK")

# --- Tests: how long a test VM may be asked to run. ---
MIN_TEST_SECONDS = int(env.number("MIN_TEST_SECONDS", 60))
REPLICATION_HEARTBEAT_SECONDS = int(env.number("REPLICATION_HEARTBEAT_SECONDS", 900))
MAX_TEST_SECONDS = int(env.number("MAX_TEST_SECONDS", 30 * 24 * 3600))

# --- Comparing the clouds with inventory and journal; 0 never does. ---
VERIFY_WORLD_SECONDS = env.number("VERIFY_WORLD_SECONDS", 900)

# --- Limits, per minute; 0 is none. Counted per process, or for all of them in a Redis. ---
STARTS_PER_MINUTE = int(env.number("STARTS_PER_MINUTE", 120))
READS_PER_MINUTE = int(env.number("READS_PER_MINUTE", 600))
FAILED_LOGINS_PER_MINUTE = int(env.number("FAILED_LOGINS_PER_MINUTE", 5))
CACHE_URL = env.text("CACHE_URL", BROKER_URL if BROKER_URL.startswith(("redis://", "rediss://")) else "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
}
if CACHE_URL:
    CACHES["shared"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "failover",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }

# The clock of tokens, limits and kept answers, in unix seconds.
API_CLOCK: Callable[[], float] = time.time

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["failover_project.api.envelope.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["failover_project.api.json_parser.LimitedJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "failover_project.api.authentication.TroubleshootingAuthentication",
        "failover_project.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "failover_project.api.permissions.RoleAllows",
        "failover_project.api.permissions.DryRunIsKnown",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["failover_project.api.throttles.CallerThrottle"],
    "EXCEPTION_HANDLER": "failover_project.api.exceptions.to_envelope",
    "DEFAULT_METADATA_CLASS": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "failover_project.api.openapi.EnvelopeSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Failover API",
    "VERSION": "1.0",
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Sessions of the browser are taken as well, but nobody can type one in.
    "AUTHENTICATION_WHITELIST": ["failover_project.api.authentication.TokenAuthentication"],
    "ENUM_NAME_OVERRIDES": {
        "AfterWindowEnum": "jobs.models.AfterWindow",
        "AttemptStateEnum": "jobs.models.AttemptState",
        "JobStateEnum": "jobs.models.JobState",
        "JobStatusEnum": "jobs.models.JobStatus",
        "JobTypeEnum": "jobs.models.JobType",
        "PlanKindEnum": "jobs.models.PlanKind",
        "PlanStateEnum": "jobs.models.PlanState",
        "StepStateEnum": "jobs.models.StepState",
        "CheckStatusEnum": "validation.models.CheckStatus",
        "HealthStatusEnum": ["healthy", "degraded"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "failover_project.api.openapi.add_error_answers",
        "failover_project.api.openapi.add_links",
        "failover_project.api.examples.add_examples",
        "failover_project.api.field_meanings.add_meanings",
    ],
}

# --- HTTPS: ends at a proxy; HTTPS=true says that nobody comes without it. ---
HTTPS = env.flag("HTTPS", default=False)
PROXY_PROTO_HEADER = env.text("PROXY_PROTO_HEADER")
if PROXY_PROTO_HEADER:
    SECURE_PROXY_SSL_HEADER = (f"HTTP_{PROXY_PROTO_HEADER.upper().replace('-', '_')}", "https")
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=HTTPS)
# Whoever looks whether a process lives comes from the same host, without the proxy.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = int(env.number("SECURE_HSTS_SECONDS", 365 * 24 * 3600 if HTTPS else 0))
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", default=False)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_TRUSTED_ORIGINS = env.listed("CSRF_TRUSTED_ORIGINS", "")
# Subdomains and preloading concern a whole domain, of which this service is one name.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = False
X_FRAME_OPTIONS = "DENY"

# --- Logs: events with fields, one JSON object a line. ---
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED_PROCESSORS,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", among=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FILE = env.text("LOG_FILE")
# What GET /api/v1/debug/logs reads: the newest records of every process of this host, beside the log proper.
RECENT_LOG_FILE = VAR_DIR / "log" / "service.jsonl"
RECENT_LOG_MB = env.number("RECENT_LOG_MB", 8)
_HANDLERS: dict[str, dict[str, Any]] = {
    "default": (
        {"class": "logging.FileHandler", "filename": LOG_FILE, "formatter": "json"}
        if LOG_FILE
        else {"class": "logging.StreamHandler", "formatter": "json"}
    )
}
if RECENT_LOG_MB > 0:
    _HANDLERS["recent"] = {
        "class": "debugtools.log_file.SharedLogFile",
        "filename": RECENT_LOG_FILE,
        "max_bytes": int(RECENT_LOG_MB * 1024 * 1024),
        "formatter": "json",
    }
_SECRETS = (SECRET_KEY, FIELD_KEY, FLOWER_PASSWORD, EMAIL_HOST_PASSWORD, METRICS_TOKEN, OPERATORS_SLACK_WEBHOOK)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": FormattedOnce,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                stamp_process,
                # Here, where every record of every logger passes on its way to any log.
                Redactor(known=_SECRETS),
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _SHARED_PROCESSORS,
        },
    },
    "handlers": _HANDLERS,
    "root": {"handlers": list(_HANDLERS), "level": LOG_LEVEL},
    "loggers": {
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # Of a broker in memory it says that no host was named: there is none.
        "kombu.connection": {"level": "ERROR" if BROKER_URL.startswith("memory") else "WARNING"},
        "django.request": {"level": "ERROR"},
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
    },
}
