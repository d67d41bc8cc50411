"""The manifests in `deploy/` are valid by the schemas of Kubernetes, and agree with the service and image."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError, validate
from markdown_it import MarkdownIt

from app.container.seed_store import seed
from app.contract.paths import HEALTH
from app.settings import Settings, load_settings, unknown_variables
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text("utf-8")
KUBECTL = Path(sys.executable).with_name("kubectl")
# The oldest version that the manifests support, and the newest whose schemas are installed.
VERSIONS = ("1.30", "1.37")

Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """Return what `kubectl apply -k` would send for a folder."""
    done = subprocess.run(
        [KUBECTL, "kustomize", folder], capture_output=True, text=True, check=True, timeout=60
    )
    assert not done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def manifests() -> dict[str, Manifest]:
    """Return the rendered manifests of `deploy/kubernetes` by kind."""
    return {manifest["kind"]: manifest for manifest in render(DEPLOY / "kubernetes")}


@pytest.fixture(scope="module")
def runtime() -> Manifest:
    """Return the rendered `ServingRuntime` of `deploy/kserve`."""
    [manifest] = render(DEPLOY / "kserve")
    assert (manifest["apiVersion"], manifest["kind"]) == ("serving.kserve.io/v1alpha1", "ServingRuntime")
    return manifest


@pytest.fixture(params=["kubernetes", "kserve"])
def pod(request: pytest.FixtureRequest, manifests: dict[str, Manifest], runtime: Manifest) -> Manifest:
    """Return the specification of the pod in each of the two ways to deploy, its variables in `env`."""
    if request.param == "kserve":
        return {name: copy.deepcopy(runtime["spec"][name]) for name in ("containers", "volumes")}
    spec: Manifest = copy.deepcopy(manifests["Deployment"]["spec"]["template"]["spec"])
    [container] = spec["containers"]
    [source] = container["envFrom"]
    assert source["configMapRef"]["name"] == manifests["ConfigMap"]["metadata"]["name"]
    data = manifests["ConfigMap"]["data"]
    container["env"] = [{"name": name, "value": value} for name, value in data.items()]
    return spec


@pytest.fixture
def settings(pod: Manifest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings that the service loads in the pod."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RATINGS_{name.upper()}", raising=False)
    for variable in pod["containers"][0]["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    assert unknown_variables() == []
    return load_settings()


def probes(container: Manifest) -> Iterator[Manifest]:
    return (value for name, value in container.items() if name.endswith("Probe"))


@pytest.mark.parametrize("version", VERSIONS)
def test_rendered_manifests_are_valid_by_the_schemas_of_kubernetes(
    version: str, manifests: dict[str, Manifest]
) -> None:
    kinds = {"ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"}
    assert set(manifests) == kinds
    for manifest in manifests.values():
        assert validate(manifest, version, strict=True) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_pod_is_valid_by_the_schemas_of_kubernetes(version: str, pod: Manifest) -> None:
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod}
    assert validate(manifest, version, strict=True) == version


def test_misspelt_field_is_refused_by_the_schemas(manifests: dict[str, Manifest]) -> None:
    manifest = copy.deepcopy(manifests["Deployment"])
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    container["readinesProbe"] = container.pop("readinessProbe")
    with pytest.raises(ValidationError, match="readinesProbe"):
        validate(manifest, VERSIONS[-1], strict=True)


def test_selectors_match_the_labels_of_the_pods(manifests: dict[str, Manifest]) -> None:
    deployment = manifests["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    [spread] = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert labels
    assert deployment["selector"]["matchLabels"] == labels
    assert manifests["Service"]["spec"]["selector"] == labels
    assert manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert spread["labelSelector"]["matchLabels"] == labels


def test_autoscaler_scales_the_deployment_and_keeps_two_replicas(manifests: dict[str, Manifest]) -> None:
    deployment, spec = manifests["Deployment"], manifests["HorizontalPodAutoscaler"]["spec"]
    target = {"apiVersion": deployment["apiVersion"], "kind": "Deployment"}
    assert spec["scaleTargetRef"] == {**target, "name": deployment["metadata"]["name"]}
    assert spec["minReplicas"] >= 2
    # Otherwise each `kubectl apply` would reset the number.
    assert "replicas" not in deployment["spec"]
    # Utilization is relative to the requested CPU.
    assert deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_service_and_probes_reach_the_port_of_the_service(pod: Manifest, settings: Settings) -> None:
    [container] = pod["containers"]
    [port] = container["ports"]
    assert port["containerPort"] == settings.port
    assert settings.host == "0.0.0.0"
    for probe in probes(container):
        assert probe["httpGet"]["port"] in (port.get("name"), settings.port)
        assert probe["httpGet"]["path"] in HEALTH


def test_service_forwards_to_the_named_port(manifests: dict[str, Manifest]) -> None:
    [container] = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    [port] = manifests["Service"]["spec"]["ports"]
    assert port["targetPort"] in [port["name"] for port in container["ports"]]
    # Kubernetes would set variables with the prefix of the settings for such a Service.
    assert not manifests["Service"]["metadata"]["name"].startswith("ratings")


def test_liveness_does_not_depend_on_the_models(pod: Manifest) -> None:
    [container] = pod["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] in ("/healthz", "/v2/health/live")
    assert container["readinessProbe"]["httpGet"]["path"] in ("/readyz", "/v2/health/ready")


def test_pod_is_deleted_after_requests_in_flight_had_their_time(pod: Manifest, settings: Settings) -> None:
    # KServe's pods have the default of Kubernetes.
    grace = pod.get("terminationGracePeriodSeconds", 30)
    sleep = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert grace >= sleep + settings.shutdown_seconds + 5


def test_containers_run_without_privileges_as_the_user_of_the_image(pod: Manifest) -> None:
    [uid] = re.findall(r"useradd .*--uid (\d+)", DOCKERFILE)
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        context = {**pod.get("securityContext", {}), **container["securityContext"]}
        assert context["runAsUser"] == int(uid)
        assert context["runAsNonRoot"] is True
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["resources"]["limits"]["memory"]


def test_files_of_the_settings_are_mounted(pod: Manifest, settings: Settings) -> None:
    [container] = pod["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert {mount["name"] for mount in mounts.values()} <= {volume["name"] for volume in pod["volumes"]}
    # The workers' heartbeats and metrics; the root file system is read-only.
    assert "/tmp" in mounts
    if str(settings.store) == "/mnt/models":
        return  # mounted by KServe
    assert mounts[str(settings.store)]["readOnly"] is True
    for path in (settings.api_keys_file, settings.admin_keys_file):
        assert path is not None and str(path.parent) in mounts


def test_init_container_brings_a_store(manifests: dict[str, Manifest], tmp_path: Path) -> None:
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    [init] = spec["initContainers"]
    *command, shipped, store = init["command"]
    assert command == ["python", "-m", seed.__module__]
    assert (
        "WORKDIR /srv\n" in DOCKERFILE and "COPY --chown=stars:stars models_store models_store" in DOCKERFILE
    )
    assert shipped == "/srv/models_store"
    # The same volume, which only the init container can write.
    [mount] = init["volumeMounts"]
    [served] = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["mountPath"] == store]
    assert (mount["mountPath"], mount["name"]) == (store, served["name"])
    assert "readOnly" not in mount
    fresh = tmp_path / "store"
    fresh.mkdir()
    source = REPOSITORY / "models_store"
    subprocess.run([sys.executable, *command[1:], source, fresh], check=True, cwd=REPOSITORY)
    copied, models = fresh.glob("*/manifest.json"), source.glob("*/manifest.json")
    assert {path.parent.name for path in copied} == {path.parent.name for path in models}


def test_image_is_the_same_everywhere(manifests: dict[str, Manifest], runtime: Manifest) -> None:
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    containers = [*spec["initContainers"], *spec["containers"], *runtime["spec"]["containers"]]
    [image] = {container["image"] for container in containers}
    version = re.search(
        r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert version is not None
    assert image.endswith(f":{version[1]}")


def test_example_selects_the_runtime(runtime: Manifest) -> None:
    service = yaml.safe_load((DEPLOY / "kserve" / "inference-service.yaml").read_text("utf-8"))
    assert (service["apiVersion"], service["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    model = service["spec"]["predictor"]["model"]
    [supported] = runtime["spec"]["supportedModelFormats"]
    assert model["modelFormat"]["name"] == supported["name"]
    assert supported["autoSelect"] is True
    assert [model["protocolVersion"]] == runtime["spec"]["protocolVersions"]


def overlays(tmp_path: Path) -> list[dict[str, Manifest]]:
    """Render the overlays that the page has, in its order, and validate them."""
    page = MarkdownIt().parse((REPOSITORY / "docs" / "deployment.md").read_text("utf-8"))
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    found = []
    for number, overlay in enumerate(token.content for token in page if token.info == "yaml"):
        folder = tmp_path / f"mine{number}"
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(overlay, "utf-8")
        found.append({manifest["kind"]: manifest for manifest in render(folder)})
        for manifest in found[-1].values():
            validate(manifest, VERSIONS[-1], strict=True)
    return found


def test_overlays_of_the_page_serve_from_a_volume_and_from_object_storage(tmp_path: Path) -> None:
    volume, remote = overlays(tmp_path)
    for rendered in (volume, remote):
        assert not rendered["Deployment"]["spec"]["template"]["spec"].get("initContainers")
    volumes = volume["Deployment"]["spec"]["template"]["spec"]["volumes"]
    assert [one for one in volumes if one["name"] == "store"] == [
        {"name": "store", "persistentVolumeClaim": {"claimName": "stars-store", "readOnly": True}}
    ]
    [container] = remote["Deployment"]["spec"]["template"]["spec"]["containers"]
    # A variable of `env` replaces that of the ConfigMap, which stays.
    variables = {one["name"]: one.get("value") for one in container["env"]}
    assert variables["RATINGS_STORE"].startswith("s3://")
    assert container["envFrom"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert not mounts[variables["TMPDIR"]].get("readOnly")
    assert {"/keys", "/tmp"} <= mounts.keys()
