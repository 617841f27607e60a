"""Fixtures: a Ray cluster of several processes, an S3 server, and runs without Ray."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from safelight.cluster import command, run, workers
from safelight.cluster.options import ClusterOptions
from safelight.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from safelight.cluster.run import Summary

# The cluster of the tests is a process of its own, so that nothing of Ray stays in pytest's.
_SERVE = """
import sys
from ray.cluster_utils import Cluster
options = {"num_cpus": 1, "object_store_memory": 100 * 1024**2, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args=options)
cluster.add_node(num_cpus=1, object_store_memory=100 * 1024**2)
print("at", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@dataclass(frozen=True)
class RayCluster:
    """A cluster that runs.

    Attributes
    ----------
    address : str
    process : psutil.Process
        All that belongs to it is below this.
    """

    address: str
    process: psutil.Process

    def workers(self) -> list[psutil.Process]:
        """Return the processes of its actors that embed."""
        return [each for each in self.process.children(recursive=True) if _is_worker(each)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any("MapBatches(Worker)" in part for part in process.cmdline())
    except psutil.Error:
        return False


@pytest.fixture(scope="session")
def s3_environment(s3_server: str) -> dict[str, str]:
    """Options that lead to the S3 server."""
    return {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="session")
def ray_cluster(
    s3_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RayCluster]:
    """Two nodes of one processor each; started once for all tests."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray has no wheel for this machine")
    home = tmp_path_factory.mktemp("ray")
    environ = {
        **os.environ, **s3_environment, "HOME": str(home), "HF_HUB_OFFLINE": "1",
        "RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }  # fmt: skip
    log = (home / "log").open("w+")
    serving = subprocess.Popen(
        [sys.executable, "-c", _SERVE],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    process = psutil.Process(serving.pid)
    assert serving.stdout is not None
    assert serving.stdin is not None
    try:
        address = next((line.split()[1] for line in serving.stdout if line.startswith("at ")), None)
        if address is None:
            pytest.fail(f"the cluster did not start: {(home / 'log').read_text()}")
        yield RayCluster(address, process)
    finally:
        below = process.children(recursive=True)
        serving.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            serving.wait(20)
        for each in [*below, process]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        serving.wait()
        serving.stdout.close()
        log.close()


@pytest.fixture
def bucket(s3_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, for this process and what it starts."""
    import s3fs

    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"photos-{uuid.uuid4().hex[:8]}"
    s3fs.S3FileSystem().mkdir(name)
    return name


class _OneProcess:
    """Stand-in for Ray, in this process."""

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}


@pytest.fixture
def ingest_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Summary]:
    """A run whose worker is in this process: everything but Ray is as on a cluster."""

    def embed_chunks(
        ray: Any, chunks: Any, work: workers.Work, count: int, **_: Any
    ) -> Iterator[dict[str, Any]]:
        worker = workers.Worker(work)
        for chunk in chunks:
            found = worker({name: [value] for name, value in workers.row_of(chunk).items()})
            yield {name: values[0] for name, values in found.items()}

    monkeypatch.setattr(run, "embed_chunks", embed_chunks)
    monkeypatch.setattr(command, "cluster", lambda _: contextlib.nullcontext(_OneProcess()))

    def ingest(*specs: str | Path, output: str | Path = tmp_path / "set", **more: Any) -> Summary:
        settings = Settings.load({}, library=tmp_path / "library.db")
        calls = {name: more.pop(name) for name in ("classify", "tell", "progress") if name in more}
        options = ClusterOptions(output=str(output), **{"model": "starter", **more})
        return command.ingest(settings, [str(each) for each in specs], options, **calls)

    return ingest
