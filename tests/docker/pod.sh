#!/usr/bin/env bash
# Runs the containers of deploy/kubernetes as Kubernetes would: the same user, read-only root, memory limits, mounts and
# settings. The init container brings the store; the service starts with it and stays below its memory limit while it
# gets large bodies. Needs the image stars-serve, and Docker.
set -euo pipefail
cd "$(dirname "$0")/../.."

name=stars-pod port=${PORT:-18002} key=a-key-of-twenty-characters
folder=$(mktemp -d)
user=$(sed -n 's/.*runAsUser: \([0-9]*\).*/\1/p' deploy/kubernetes/deployment.yaml)
limit=$(sed -n 's/.*limits: { memory: \([0-9]*\)Mi }.*/\1/p' deploy/kubernetes/deployment.yaml | tail -1)
init_limit=$(sed -n 's/.*limits: { memory: \([0-9]*\)Mi }.*/\1/p' deploy/kubernetes/deployment.yaml | head -1)

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; docker logs --tail 20 "$name" >&2 || true; exit 1; }
clean_up() {
  docker rm --force "$name" >/dev/null 2>&1 || true
  # The files of the init container belong to its user.
  docker run --rm --user 0 --volume "$folder:/folder" stars-serve sh -c 'rm -rf /folder/*' >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap clean_up EXIT
# Largest memory of the container, page cache included: with cgroups of version 2, else 1.
peak() { docker exec "$name" sh -c 'cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes'; }

locked_down=(--user "$user:$user" --read-only --cap-drop ALL --security-opt no-new-privileges)
mkdir "$folder/store" "$folder/keys"
chmod a+rx "$folder"
chmod 777 "$folder/store" # Kubernetes gives an emptyDir to the group of the pod
echo "$key" >"$folder/keys/api-keys"
echo "admin-$key" >"$folder/keys/admin-keys"

say "the init container brings the store"
docker run --rm "${locked_down[@]}" --memory "${init_limit}m" --volume "$folder/store:/store" stars-serve \
  python -m app.container.seed_store /srv/models_store /store

say "the service starts"
docker run --detach --name "$name" "${locked_down[@]}" --memory "${limit}m" --memory-swap "${limit}m" \
  --volume "$folder/store:/store:ro" --volume "$folder/keys:/keys:ro" --tmpfs /tmp:size=64m \
  --env-file deploy/kubernetes/settings.env --publish "127.0.0.1:$port:8000" stars-serve >/dev/null
for _ in $(seq 60); do
  docker exec "$name" python -m app.container.healthcheck 2>/dev/null && break
  sleep 1
done
docker exec "$name" python -m app.container.healthcheck || fail "the service is not ready"
echo "$(($(peak) >> 20)) MiB of memory at most"

say "stays below $limit MiB"
python3 tests/docker/large_bodies.py "http://127.0.0.1:$port" "$key" || fail "unexpected status"
docker exec "$name" python -m app.container.healthcheck || fail "the service is not ready any more"
[ "$(docker inspect --format '{{.State.OOMKilled}}{{.RestartCount}}' "$name")" = false0 ] || fail "out of memory"
echo "$(($(peak) >> 20)) MiB of memory at most"
