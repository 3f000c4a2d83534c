"""Kubernetes and compose files as strict models: a key that is not known here is refused."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Quantity = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti)?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class Strict(BaseModel):
    """No key beside those that are named, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: Name
    labels: dict[str, str] = {}


class Reference(Strict):
    name: Name
    optional: bool = False


class EnvFrom(Strict):
    secretRef: Reference  # noqa: N815


class Port(Strict):
    containerPort: int = Field(ge=1, le=65535)  # noqa: N815
    name: Name


class Mount(Strict):
    name: Name
    mountPath: str = Field(pattern="^/")  # noqa: N815


class Resources(Strict):
    requests: dict[str, Quantity]
    limits: dict[str, Quantity]

    @model_validator(mode="after")
    def _ray_counts_on_what_it_is_told(self) -> "Resources":
        assert self.requests == self.limits, "requests and limits differ"
        assert set(self.limits) <= {"cpu", "memory", "nvidia.com/gpu"}
        return self


class Container(Strict):
    name: Name
    image: str
    ports: list[Port] = []
    envFrom: list[EnvFrom] = []  # noqa: N815
    resources: Resources
    volumeMounts: list[Mount]  # noqa: N815


class Claim(Strict):
    claimName: Name  # noqa: N815


class EmptyDir(Strict):
    medium: Literal["Memory"]
    sizeLimit: Quantity  # noqa: N815


class Volume(Strict):
    name: Name
    persistentVolumeClaim: Claim | None = None  # noqa: N815
    configMap: Reference | None = None  # noqa: N815
    emptyDir: EmptyDir | None = None  # noqa: N815

    @model_validator(mode="after")
    def _has_one_source(self) -> "Volume":
        sources = [self.persistentVolumeClaim, self.configMap, self.emptyDir]
        assert sum(one is not None for one in sources) == 1
        return self


class PodSpec(Strict):
    containers: list[Container] = Field(min_length=1)
    volumes: list[Volume] = []

    @model_validator(mode="after")
    def _what_is_mounted_is_there(self) -> "PodSpec":
        there = {volume.name for volume in self.volumes}
        mounted = {mount.name for one in self.containers for mount in one.volumeMounts}
        assert mounted == there, f"mounted {mounted}, declared {there}"
        return self


class PodTemplate(Strict):
    spec: PodSpec


class HeadGroup(Strict):
    rayStartParams: dict[str, str]  # noqa: N815
    template: PodTemplate


class WorkerGroup(HeadGroup):
    groupName: Name  # noqa: N815
    replicas: int = Field(ge=0)
    minReplicas: int = Field(ge=0)  # noqa: N815
    maxReplicas: int = Field(ge=0)  # noqa: N815

    @model_validator(mode="after")
    def _is_within_its_bounds(self) -> "WorkerGroup":
        assert self.minReplicas <= self.replicas <= self.maxReplicas
        return self


class ClusterSpec(Strict):
    rayVersion: str  # noqa: N815
    headGroupSpec: HeadGroup  # noqa: N815
    workerGroupSpecs: list[WorkerGroup]  # noqa: N815


class RayCluster(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayCluster"]
    metadata: Metadata
    spec: ClusterSpec


class JobSpec(Strict):
    entrypoint: str
    submissionMode: Literal["K8sJobMode", "HTTPMode"]  # noqa: N815
    backoffLimit: int = Field(ge=0)  # noqa: N815
    shutdownAfterJobFinishes: bool  # noqa: N815
    ttlSecondsAfterFinished: int = Field(ge=0)  # noqa: N815
    rayClusterSpec: ClusterSpec  # noqa: N815


class RayJob(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayJob"]
    metadata: Metadata
    spec: JobSpec


class Service(Strict):
    """Of a compose file."""

    image: str
    command: str
    environment: dict[str, str] = {}
    ports: list[Annotated[str, StringConstraints(pattern=r"^127\.0\.0\.1:\d+:\d+$")]] = []
    volumes: list[str] = []
    shm_size: str | None = None
    depends_on: list[str] = []
    networks: list[str]
    cap_add: list[str] = []
    security_opt: list[str] = []


class Network(Strict):
    internal: bool = False


class Compose(Strict):
    services: dict[Name, Service]
    networks: dict[Name, Network]
    volumes: dict[Name, dict[str, str]]

    @model_validator(mode="after")
    def _what_is_named_is_there(self) -> "Compose":
        for service in self.services.values():
            assert set(service.networks) <= set(self.networks)
            assert set(service.depends_on) <= set(self.services)
            assert {one.partition(":")[0] for one in service.volumes} <= set(self.volumes)
        return self
