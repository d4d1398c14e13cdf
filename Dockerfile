# The service in one image; docker-compose.yml runs it as web, worker, watch and flower (docs/deploy/containers.md).
ARG PYTHON_VERSION=3.13

# --- Everything that needs a package installer happens here and stays here. ---
FROM python:${PYTHON_VERSION}-slim AS built

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/failover

# First what changes seldom. Each package must have the hash that the lock file gives.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/failover \
    && python -m pip --python /opt/failover/bin/python install --require-hashes --no-deps --requirement requirements.lock

COPY manage.py ./
COPY failover_project ./failover_project
COPY debugtools ./debugtools
COPY jobs ./jobs
COPY validation ./validation
COPY networks ./networks
COPY notifications ./notifications
COPY inventory ./inventory
COPY database ./database
COPY audit ./audit
COPY cloudstack ./cloudstack
COPY cloudstack_simulator ./cloudstack_simulator
COPY templates ./templates
# The file system is read-only later, so nothing can be compiled then.
RUN python -m compileall -q /opt/failover /srv/failover

# --- What runs: an interpreter, the packages, the code. No installer, no compiler, no shell for the user. ---
FROM python:${PYTHON_VERSION}-slim

RUN pip uninstall --yes --quiet pip \
    && groupadd --system --gid 10001 failover \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/failover --shell /usr/sbin/nologin failover \
    && install --directory --owner=failover --group=failover --mode=0700 /var/lib/failover

COPY --from=built /opt/failover /opt/failover
COPY --from=built /srv/failover /srv/failover

ENV PATH=/opt/failover/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=failover_project.settings \
    VAR_DIR=/var/lib/failover

WORKDIR /srv/failover
USER 10001:10001
EXPOSE 8082
VOLUME ["/var/lib/failover"]

# Static files are found where packages keep them: nothing has to be collected.
CMD ["gunicorn", "--config", "python:failover_project.web_server"]
