"""Settings of trackers: where a run is shown beside TensorBoard and its own files."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from rl.config.section import Section


class WandbConfig(Section):
    """Weights & Biases. Keys and servers are its own variables: WANDB_API_KEY (or `wandb login`),
    WANDB_BASE_URL, WANDB_MODE."""

    project: str = Field(default="plumb", min_length=1)
    """The project."""
    entity: str | None = None
    """User or team; none: the key's."""
    name: str | None = None
    """Of the run; none: that of run_dir."""
    tags: list[str] = []
    """Of the run."""
    offline: bool = False
    """Keep it in RUN_DIR/trackers/wandb for `wandb sync`; so is a run without a key, and one whose
    server does not answer at its start."""


class MlflowConfig(Section):
    """MLflow. Names and passwords are its own variables: MLFLOW_TRACKING_USERNAME,
    MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN."""

    uri: str | None = None
    """The server, such as http://host:5000, or another store of MLflow's; none:
    MLFLOW_TRACKING_URI."""
    experiment: str = Field(default="plumb", min_length=1)
    """The experiment; made where it is not there."""
    name: str | None = None
    """Of the run; none: that of run_dir."""

    @model_validator(mode="after")
    def _holds_no_password(self) -> Self:
        if self.uri is not None and urlsplit(self.uri).password:
            raise ValueError(
                "uri holds a password: leave it out, and set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD"
            )
        return self


class TrackioConfig(Section):
    """trackio: a local database (TRACKIO_DIR), or a Space of the Hugging Face hub."""

    project: str = Field(default="plumb", min_length=1)
    """The project."""
    name: str | None = None
    """Of the run; none: that of run_dir. A part that makes it unique is added."""
    space: str | None = None
    """A Space, such as `team/runs`, made where it is not there; none: that of TRACKIO_SPACE_ID or
    the server of TRACKIO_SERVER_URL, and without them local alone. With HF_HUB_OFFLINE it is local
    too."""
    private: bool = True
    """A Space that is made can be seen by its owner alone."""


class TrackersConfig(Section):
    """Where the run is shown beside TensorBoard and its own files: each is off unless it is named,
    such as `wandb: {}`. They need packages that set-up leaves out (`make trackers`)."""

    wandb: WandbConfig | None = None
    mlflow: MlflowConfig | None = None
    trackio: TrackioConfig | None = None
    samples: int = Field(default=4, ge=0, le=64)
    """Answers of a step that are shown, with their rewards; 0: none."""
    samples_every: int = Field(default=1, ge=1)
    """Steps between them."""
    sample_characters: int = Field(default=2000, ge=100, le=20_000)
    """Longer prompts and answers are cut."""
    wait: float = Field(default=20.0, gt=0, le=3600)
    """Seconds that the end of the run waits for a tracker to take the rest."""
    python: Path | None = Field(default=None, strict=False)
    """A Python that has their packages; none: Plumb's own, or that of `make trackers`."""
