# One image for every process of the Procfile: `docker run IMAGE worker`.
# It holds no secret: everything is configured by the environment (.env.example).

# Any image with `python` 3.11 or 3.12 (deploy/build-image.sh makes one of Debian).
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /build
# First what changes seldom: the locked libraries, each checked by its hash. No extra: `run` and
# `demo`, which play a clinic on a laptop, are not for a server, and nor is the sandbox.
COPY requirements.lock requirements-build.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md ./
COPY cli cli
COPY service service
COPY sync sync
COPY workers workers
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/venv/bin/pip install --no-deps --no-index /tmp/wheel/*.whl

FROM ${BASE}
# Debian has a user `sync`. The number is what a volume's files belong to: it never changes.
RUN groupadd --gid 10001 oncall \
    && useradd --uid 10001 --gid 10001 --no-log-init --create-home --home-dir /srv/sync \
        --shell /usr/sbin/nologin oncall
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/sync
# Two heaps are enough for threads of which one runs Python at a time (docs/performance.md).
ENV MALLOC_ARENA_MAX=2
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
USER 10001
# 8001 holds the operations pages, /metrics and /healthz: within the container only, until OPS_HOST
# says 0.0.0.0.
EXPOSE 8000 8001
# A worker or a beat sets PROCESS to its own name.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["/bin/sh", "-c", "exec drchrono-oncall healthcheck \"${PROCESS:-web}\""]
ENTRYPOINT ["drchrono-oncall"]
CMD ["web"]
