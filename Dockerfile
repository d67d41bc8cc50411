# One file, two images: `serve` answers over HTTP, `train` is the training package.
#   docker build --target serve -t stars-serve .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS serve-packages
# `otel` has what RATINGS_TRACES needs, too, and `cloud` what a store in object storage needs.
ARG PACKAGES=serve
COPY requirements/${PACKAGES}.txt /requirements.txt
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
# The volume that is mounted here starts with what the image holds, owner included.
COPY --chown=stars:stars models_store models_store
# Where `app.container.seed_store` finds the volume; an empty folder gives a new volume its owner.
RUN mkdir /volume && chown stars:stars /volume

FROM common AS train
COPY --from=train-packages /opt/venv /opt/venv
COPY data data
COPY training training
COPY app app
USER stars
# The volume is the only place that can be written; `.work` in it keeps unfinished runs.
ENV STARS_STORE=/srv/models_store STARS_RUNS=/srv/models_store/.work
# What hints name instead of a program in the container.
ENV STARS_COMMAND="docker compose run --rm train"
ENTRYPOINT ["python", "-m", "training"]
CMD ["fit"]

FROM common AS serve
COPY --from=serve-packages /opt/venv /opt/venv
# Of the training package, only what reads artefacts: no TensorFlow, no Keras, no pandas in this image.
COPY training/__init__.py training/errors.py training/
COPY training/families training/families
COPY training/artefact training/artefact
COPY app app
USER stars
ENV RATINGS_HOST=0.0.0.0 RATINGS_PORT=8000 RATINGS_STORE=/srv/models_store RATINGS_LOG_FORMAT=json
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-m", "app.container.healthcheck"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app"]
