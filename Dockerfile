# One image for all of ours: the doors, the dispatcher, every component of Airflow, the stand-in institutions.
# The embedded database and object store are left out: production has its own.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
# Whom this image trusts: where a proxy shows a certificate of its own, the base image is given its authority.
ENV UV_SYSTEM_CERTS=true PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN python -m venv /opt/uv && python -m venv /opt/venv
COPY requirements/bootstrap.txt requirements/production.txt requirements/lock.txt ./
RUN /opt/uv/bin/pip install --no-cache-dir --require-hashes -r bootstrap.txt
ENV VIRTUAL_ENV=/opt/venv
RUN /opt/uv/bin/uv pip sync --no-cache --compile-bytecode --require-hashes production.txt
# What builds our own package is locked too, and is not in the image that runs.
RUN sed -n '/^setuptools==/,/[^\\]$/p' lock.txt > setuptools.txt && python -m venv /opt/build \
    && VIRTUAL_ENV=/opt/build /opt/uv/bin/uv pip install --no-cache --require-hashes -r setuptools.txt
COPY pyproject.toml README.md ./
COPY transfer transfer
RUN VIRTUAL_ENV=/opt/build /opt/uv/bin/uv build --wheel --no-build-isolation --python /opt/build/bin/python -o dist . \
    && /opt/uv/bin/uv pip install --no-cache --no-deps --no-index --compile-bytecode dist/*.whl

FROM python:3.11-slim-bookworm
# A number, so that an orchestrator can tell that it is not root; files it must read alone belong to it.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin transfer \
    && install -d -o transfer -g transfer -m 0700 \
       /var/lib/transfer /var/lib/transfer/tmp /var/lib/transfer/letters /var/lib/transfer/outbox \
       /var/lib/keys /var/lib/keys-copy /var/lib/backups /var/lib/downtime \
       /var/lib/airflow /var/lib/airflow/logs /var/lib/sandbox
# `--build-arg TESSERACT=/usr/bin/tesseract`: the program that reads the words on scans, with English, from Debian.
ARG TESSERACT=
RUN if [ -n "$TESSERACT" ]; then \
      apt-get update && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-eng \
      && rm -rf /var/lib/apt/lists/*; fi
COPY --from=build /opt/venv /opt/venv
COPY dags /app/dags
COPY plugins /app/plugins
COPY institutions /app/institutions
COPY checklists /app/checklists
COPY desk.yaml /app/desk.yaml
COPY deploy/*.py /app/deploy/
COPY deploy/airflow_config /app/airflow_config
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    TMPDIR=/var/lib/transfer/tmp \
    TRANSFER_VAR=/var/lib/transfer \
    TRANSFER_KEYS=/var/lib/keys \
    TRANSFER_INSTITUTIONS=/app/institutions \
    TRANSFER_CHECKLISTS=/app/checklists
# `docker build --build-arg COMMIT=$(git rev-parse --short HEAD)`: `transfer --version` says it.
ARG COMMIT=
ENV TRANSFER_COMMIT=$COMMIT
USER 10001:10001
WORKDIR /var/lib/transfer
CMD ["transfer", "--help"]
