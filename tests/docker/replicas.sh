#!/usr/bin/env bash
# Runs deploy/replicas.compose.yml under load: one replica is killed and started again, then one after the other is
# replaced to serve a new store. No request may fail. Needs the image stars-serve, and Docker with Compose (v2 or 1.29).
set -euo pipefail
cd "$(dirname "$0")/../.."

export COMPOSE_PROJECT_NAME=stars-replicas COMPOSE_FILE=deploy/replicas.compose.yml PORT=${PORT:-18001}
export NGINX_IMAGE=${NGINX_IMAGE:-nginx:1.28} STORE
compose() { if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }
url=http://127.0.0.1:$PORT
folder=$(mktemp -d)
load=

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; compose logs --tail 40 >&2 || true; exit 1; }
clean_up() {
  if [ -n "$load" ]; then kill "$load" 2>/dev/null || true; fi
  compose down --volumes --timeout 15 >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap clean_up EXIT

container() { compose ps -q "$1"; }
wait_until_healthy() {
  for _ in $(seq 60); do
    state=$(docker inspect --format '{{.State.Health.Status}}' "$(container "$1")")
    if [ "$state" = healthy ]; then return; fi
    sleep 1
  done
  fail "$1 did not become healthy"
}
# Names of the models that a replica serves.
models() {
  docker exec "$(container "$1")" python -c 'import json, urllib.request as r
print(*[model["name"] for model in json.load(r.urlopen("http://127.0.0.1:8000/models"))["models"]])'
}
start_load() {
  python3 tests/deploy/load.py "$url" >"$folder/load" 2>&1 &
  load=$!
  sleep 3
}
stop_load() {
  sleep 3
  kill -TERM "$load"
  wait "$load" || { cat "$folder/load" >&2; fail "requests failed"; }
  load=
  cat "$folder/load"
}
# The log of nginx has two addresses for a request that was sent to both replicas.
retried() { compose logs --no-color proxy | grep -c ':8000, 10\.' || true; }

if ! docker image inspect "$NGINX_IMAGE" >/dev/null 2>&1 && ! docker pull --quiet "$NGINX_IMAGE"; then
  say "build an image of nginx, because $NGINX_IMAGE cannot be pulled"
  export NGINX_IMAGE=stars-nginx
  docker build --network host --tag "$NGINX_IMAGE" - <tests/docker/nginx.Dockerfile
fi

say "two stores: the shipped models, and the same without accurate"
cp -r models_store "$folder/old"
cp -r models_store "$folder/new"
rm -r "$folder/new/accurate"
chmod -R a+rX "$folder"

say "up"
STORE=$folder/old compose up -d
wait_until_healthy replica1
wait_until_healthy replica2

say "a replica is killed under load, and comes back"
start_load
docker kill "$(container replica1)" >/dev/null
sleep 5
docker start "$(container replica1)" >/dev/null
wait_until_healthy replica1
stop_load
echo "$(retried) requests were sent to the other replica"
[ "$(retried)" -gt 0 ] || fail "no request reached the killed replica"

say "a replica that is replaced serves a new store under load, then the other"
start_load
for replica in replica1 replica2; do
  STORE=$folder/new compose up -d --no-deps "$replica"
  wait_until_healthy "$replica"
  echo "$replica serves $(models "$replica")"
  [ "$(models "$replica")" = "baseline compact memory_efficient tiny" ] || fail "$replica does not serve the new store"
  [ "$replica" = replica2 ] || case "$(models replica2)" in accurate*) ;; *) fail "replica2 was replaced, too" ;; esac
done
stop_load
echo "$(retried) requests were sent to the other replica in both parts"
say "no request failed"
