"""Manifests of clusters: valid, in step with the lock, and run as far as one machine can."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from kube_models import Compose, RayCluster, RayJob
from pydantic import ValidationError
from typer.main import get_command

from launch.cli import app
from launch.doctor.machine import LOCKS, pinned

REPOSITORY = Path(__file__).parents[2]
MANIFESTS = REPOSITORY / "launch" / "cluster" / "manifests"


def load(name: str) -> Any:
    return yaml.safe_load((MANIFESTS / name).read_text())


def test_kubernetes_manifests_are_valid_and_of_the_locked_ray() -> None:
    job, cluster = RayJob(**load("kuberay-job.yaml")), RayCluster(**load("kuberay-cluster.yaml"))
    for spec in (job.spec.rayClusterSpec, cluster.spec):
        assert spec.rayVersion == pinned(LOCKS / "cuda.txt")["ray"]
        groups = [spec.headGroupSpec, *spec.workerGroupSpecs]
        for container in (group.template.spec.containers[0] for group in groups):
            assert "/dev/shm" in {mount.mountPath for mount in container.volumeMounts}
            assert "/shared" in {mount.mountPath for mount in container.volumeMounts}
    assert "/shared/" in job.spec.entrypoint
    head = job.spec.rayClusterSpec.headGroupSpec.template.spec.containers[0]
    assert "/config" in {mount.mountPath for mount in head.volumeMounts}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "entryPoint"), "plumb"),
        (("spec", "rayClusterSpec", "workerGroupSpecs", 0, "replicas"), 5),
        (("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams", "num-gpus"), 0),
        (("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "volumes"), []),
        (("apiVersion",), "ray.io/v1alpha1"),
    ],
)
def test_the_model_refuses_what_kuberay_would(path: tuple[Any, ...], value: object) -> None:
    job = load("kuberay-job.yaml")
    node = job
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    with pytest.raises(ValidationError):
        RayJob(**job)


def test_compose_keeps_programs_off_the_network_and_runs_commands_that_there_are() -> None:
    compose = Compose(**load("compose.yaml"))
    sandbox = compose.services["sandbox"]
    assert all(compose.networks[name].internal for name in sandbox.networks)
    assert not sandbox.volumes
    with_caps = [name for name, one in compose.services.items() if one.cap_add or one.security_opt]
    assert with_caps == ["sandbox"]
    for service in compose.services.values():
        token = service.environment["PLUMB_SANDBOX_TOKEN"]
        assert token.startswith("${PLUMB_SANDBOX_TOKEN:?"), "a token is never written down"
    words = shlex.split(sandbox.command)
    serve = get_command(app).commands["sandbox"].commands["serve"]  # type: ignore[attr-defined]
    serve.make_context("serve", words[words.index("serve") + 1 :], resilient_parsing=False)


STAND_IN = """#!/bin/bash
[[ -z "${STUBBORN:-}" ]] || trap 'echo saved >> "$LOG"; exit 143' TERM
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $*" in
scontrol*) printf 'a1\\na2\\na3\\n' ;;
srun*) while [[ $1 == -* ]]; do shift; done; exec "$@" ;;
"ray start"*) exec sleep 60 ;;
plumb*) until (($(grep -c ^srun "$LOG") > 1)); do sleep 0.05; done
    for ((i = 0; i < ${TENTHS:-1}; i++)); do sleep 0.1; done; exit "${CODE:-0}" ;;
esac
"""


def slurm(tmp_path: Path, **variables: str) -> "tuple[subprocess.Popen[str], Path]":
    """Start the script among stand-ins for the commands that it uses."""
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in ("scontrol", "srun", "ray", "plumb"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    log = tmp_path / "log"
    log.touch()
    environment = {
        **os.environ, "SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_ID": "20007",
        "SLURM_JOB_NODELIST": "a[1-3]", "LOG": str(log), **variables,
    }  # fmt: skip
    process = subprocess.Popen(
        ["bash", str(MANIFESTS / "slurm.sh"), "my.yaml", "run_dir=/shared/a b"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process, log


def _is_of_others(call: str) -> bool:
    return "--head" not in call


@pytest.mark.parametrize("code", [0, 3])
def test_the_slurm_script_makes_a_cluster_and_ends_as_the_run(tmp_path: Path, code: int) -> None:
    process, log = slurm(tmp_path, CODE=str(code))
    output, _ = process.communicate(timeout=240)
    assert process.returncode == code, output
    calls = log.read_text().splitlines()
    assert "plumb train my.yaml run_dir=/shared/a b --retry" in calls
    starts = sorted((call for call in calls if call.startswith("srun")), key=_is_of_others)
    assert "--nodelist=a1 ray start --head --block --port=20007" in starts[0]
    assert "--nodes=2 " in starts[1]
    assert "--nodelist=a2,a3 ray start --address=a1:20007 --block" in starts[1]


def test_a_run_that_slurm_ends_saves_its_step_first(tmp_path: Path) -> None:
    process, log = slurm(tmp_path, STUBBORN="1", TENTHS="600")
    while "plumb train" not in log.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 143, output
    assert log.read_text().splitlines()[-1] == "saved"


@pytest.mark.parametrize("hardware", ["cpu", "cuda"])
def test_an_image_installs_its_own_lock(hardware: str) -> None:
    text = (MANIFESTS / f"Dockerfile.{hardware}").read_text()
    assert f"PLUMB_HARDWARE={hardware} make setup" in text
    assert not re.search(r"^(ADD|RUN curl|RUN wget)", text, re.MULTILINE)


def clone(folder: Path) -> None:
    """What a clean clone would hold, as the files are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("no git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)


def docker(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["docker", *arguments],
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=540,
        check=False,
    )


@pytest.mark.timeout(1200)
def test_the_cpu_image_holds_a_plumb_that_runs(tmp_path: Path) -> None:
    """Built as far as its set-up, which takes gigabytes; this machine's environment stands for it.

    The base is the sandbox's image, which is there without a registry and has Python.
    """
    from sandbox.image.build import image_tag, is_built

    try:
        is_there = is_built()
    except Exception:
        is_there = False
    if not is_there:
        if os.environ.get("PLUMB_REQUIRE_DOCKER"):
            pytest.fail("the sandbox's image is not there: plumb sandbox build")
        pytest.skip("no Docker, or no image of the sandbox")
    tag = f"plumb-test-image:{uuid4().hex}"
    clone(tmp_path)
    built = docker(
        *("build", "-q", "-f", str(tmp_path / "launch/cluster/manifests/Dockerfile.cpu")),
        *("--target", "code", "--build-arg", f"BASE={image_tag()}"),
        *("--build-arg", "PACKAGES=", "-t", tag, str(tmp_path)),
    )
    assert built.returncode == 0, built.stdout.decode()
    try:
        mounts = {sys.prefix, *([] if sys.base_prefix == "/usr" else [sys.base_prefix])}
        volumes = [word for path in sorted(mounts) for word in ("-v", f"{path}:{path}:ro")]
        script = "python -m launch.cli --help && python -m launch.cli doctor --run-dir /tmp/runs"
        ran = docker(
            *("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "/bin/sh"),
            *("-e", "PYTHONPATH=/opt/plumb", "-e", "HF_HUB_OFFLINE=1", *volumes, tag, "-c"),
            f"export PATH={sys.prefix}/bin:$PATH; {script}",
        )
        said = ran.stdout.decode()
        assert "Reinforcement-learning post-training" in said, said
        assert re.search(r"\d+ ok, \d+ warnings, \d+ failures", said), said
        assert re.search(r"failure +shared memory .*-> .*--shm-size", said, re.DOTALL), said
    finally:
        docker("rmi", "-f", tag)
