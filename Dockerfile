# One file, two images: `serve` answers over HTTP, `train` is the workshop.
#   docker build --target serve -t stars-serve .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS serve-packages
COPY requirements/serve.txt /requirements.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes --no-deps -r /requirements.txt

FROM ${BASE} AS train-packages
COPY requirements/train.txt /requirements.txt
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --quiet --no-cache-dir --require-hashes --no-deps -r /requirements.txt

FROM ${BASE} AS common
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin stars
WORKDIR /srv
COPY training training
# The volume that is mounted here starts with what the image holds, owner included.
COPY --chown=stars:stars models_store models_store

FROM common AS train
COPY --from=train-packages /opt/venv /opt/venv
COPY app app
COPY data data
USER stars
ENTRYPOINT ["python", "-m", "training"]
CMD ["fit", "--store", "models_store", "--report", "models_store/.report"]

FROM common AS serve
COPY --from=train-packages /opt/venv /opt/venv
COPY app app
USER stars
ENV RATINGS_HOST=0.0.0.0 RATINGS_PORT=8000 RATINGS_STORE=/srv/models_store
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app"]
