"""Settings of an agent: a program of one's own that asks the policy over HTTP."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl.config.section import Section


class AgentConfig(Section):
    """A program that runs once an episode, and asks the policy as it would ask OpenAI."""

    command: list[str] = Field(min_length=1)
    """The program and its arguments, such as `[python3, agent.py]`. It finds the task as JSON on
    standard input, and OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL in its environment."""
    isolation: Literal["auto", "docker", "bubblewrap", "none"] = "auto"
    """What keeps it from everything but the endpoint: Docker, bubblewrap, or the first of them that
    is there. `none`: nothing, it is a process of this machine's with all that this user may do."""
    image: str | None = None
    """Docker image with what it needs; none: the sandbox's, which has Python's standard library."""
    rootfs: Path | None = Field(default=None, strict=False)
    """bubblewrap: a folder with a root file system; none: this machine's /usr."""
    folder: Path | None = Field(default=None, strict=False)
    """Its working directory, in a box as `/agent` and read-only; none: an empty one."""
    readable: list[Annotated[Path, Field(strict=False)]] = []
    """Folders of this machine that a box shows at their own path, read-only, such as a virtual
    environment."""
    variables: dict[str, str] = {}
    """Environment variables beside those above."""
    pass_environment: list[str] = []
    """Names of variables of the run's processes that it has too, such as keys; no others are."""
    result: Literal["stdout", "turn", "reward"] = "stdout"
    """What is graded: what it has written to standard output, or the policy's last turn. `reward`:
    nothing, its last line says what the episode is worth, `{"reward": 0.5, "metrics": {...}}`."""
    tokens: int | None = Field(default=None, ge=1)
    """Tokens that an episode may sample, all turns together; none: `episode.turns` full answers."""
    seconds: float = Field(default=300.0, gt=0)
    """It may work for so long; waiting for the policy does not count."""
    output_kb: int = Field(default=1024, ge=1)
    """Standard output beyond this ends it, KiB."""
    memory_mb: int = Field(default=2048, ge=64)
    """Memory of its box, MiB; of each process of it, where only root could bound the box."""
    processes: int = Field(default=256, ge=8)
    """Processes and threads in its box."""
    at_once: int = Field(default=32, ge=1)
    """Agents that run at a time; other episodes wait."""

    @model_validator(mode="after")
    def _a_box_has_one_source(self) -> Self:
        if self.image is not None and self.isolation not in ("auto", "docker"):
            raise ValueError(f"image needs Docker, and isolation is {self.isolation}")
        if self.rootfs is not None and self.isolation != "bubblewrap":
            raise ValueError("rootfs needs bubblewrap: set isolation to bubblewrap")
        return self
