#!/usr/bin/env bash
# Builds the images and runs the compose file for real: up, healthy, answers, trains into the volume, picks
# the result up on restart, stops within 5 s with exit code 0. Needs Docker and Compose (v2 or 1.29).
set -euo pipefail
cd "$(dirname "$0")/../.."

compose() { if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }
export COMPOSE_PROJECT_NAME=stars-smoke PORT=${PORT:-18000}
url=http://127.0.0.1:$PORT

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; compose logs --tail 40 serve >&2 || true; exit 1; }
clean_up() { compose down --volumes --timeout 5 >/dev/null 2>&1 || true; }
trap clean_up EXIT
clean_up

ask() { python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=10).read().decode())' "$url$1"; }
wait_until_healthy() {
  for _ in $(seq 90); do
    state=$(docker inspect --format '{{.State.Health.Status}}' "$(compose ps -q serve)")
    if [ "$state" = healthy ]; then return; fi
    sleep 1
  done
  fail "the service did not become healthy"
}

say "build"
compose build serve
compose build train # 1.29 builds a profiled service only when it is named

say "up"
compose up -d serve
wait_until_healthy
container=$(compose ps -q serve)

say "answers"
answer=$(ask '/predict?user_id=1&movie_id=1193')
echo "$answer"
case "$answer" in *'"user_id":"user_1"'*'"rating":'*) ;; *) fail "no rating in $answer" ;; esac
case "$(ask /models)" in *'"total":623744'*'"total":117968'*) ;; *) fail "/models does not show the shipped models" ;; esac

say "locked down"
[ "$(docker exec "$container" id -u)" != 0 ] || fail "runs as root"
docker exec "$container" sh -c 'touch /srv/x' 2>/dev/null && fail "the root file system can be written"
docker exec "$container" sh -c 'touch /srv/models_store/x' 2>/dev/null && fail "the store can be written by the service"

say "trains into the volume, and the service picks it up on restart"
compose run --rm train fit baseline memory_efficient --epochs 1 --embedding-dim 8 --store models_store --report /tmp/report
compose restart serve
wait_until_healthy
case "$(ask /models/baseline)" in *'"dataset":"ml-latest-small"'*) ;; *) fail "the restarted service shows the old model" ;; esac

say "trains on a file of one's own, into the volume by default"
csv=$(mktemp --suffix .csv)
python3 - >"$csv" <<'CSV'
print("user,movie,rating")
for user in range(40):
    for movie in range(user % 3, 60, 3):
        print(f"u{user},m{movie},{(user * 7 + movie * 3) % 9 / 2 + 0.5}")
CSV
chmod a+r "$csv"
compose run --rm -v "$csv:/data/my.csv:ro" train fit baseline --data /data/my.csv --epochs 1 --embedding-dim 4
rm -f "$csv"
compose restart serve
wait_until_healthy
case "$(ask /models/baseline)" in *'"dataset":"my"'*) ;; *) fail "the model trained on the file is not served" ;; esac

say "keeps trained models, and replaces shipped ones, when the image is upgraded"
seeded=$(compose run --rm seed)
echo "$seeded"
case "$seeded" in *"baseline: kept, it was trained here"*) ;; *) fail "seed says nothing of the trained model" ;; esac

say "is healthy behind a proxy that leads nowhere, and on IPv6"
docker exec -e http_proxy=http://127.0.0.1:9 "$container" python -m app.container.healthcheck || fail "the health check asks a proxy"

say "stops"
started=$(date +%s)
docker stop --time 10 "$container" >/dev/null
seconds=$(($(date +%s) - started))
code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
[ "$code" = 0 ] || fail "exit code $code"
[ "$seconds" -le 5 ] || fail "took $seconds s to stop"
say "all of it works (stopped in $seconds s with exit code 0)"
