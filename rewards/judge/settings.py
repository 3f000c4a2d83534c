"""What is told of an endpoint, and what more of a judge: where it is, what it is asked, how much of
it at once.
"""

import math
import os
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rewards.errors import PoolError

PATIENCE = 120.0
REQUEST_SECONDS = 120.0
OURS: Final = ("model", "messages", "input", "n", "stream", "encoding_format")
"""Fields of a request that are no extra ones."""


class Prices(BaseModel):
    """What a million tokens cost, in any currency."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    input: float = Field(default=0.0, ge=0)
    """Of requests."""
    output: float = Field(default=0.0, ge=0)
    """Of replies."""

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Of one request."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


class ServeSettings(BaseModel):
    """A judge that Plumb starts itself: vLLM's server, on the Ray cluster if there is one."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str = Field(min_length=1)
    """A folder or a name that vLLM can load; every node of the cluster has to see it."""
    gpus: float = Field(default=0.0, ge=0)
    """GPUs for the server; a whole number above 1 is its tensor parallel size; 0: on the CPU."""
    args: tuple[str, ...] = ()
    """Further arguments of `vllm serve`, such as `[--max-model-len, "8192"]`."""
    start_deadline: float = Field(default=600.0, gt=0)
    """Seconds until the server must answer."""
    port: int = Field(default=0, ge=0, le=65535)
    """0: any free one."""
    cache_gb: int = Field(default=1, ge=1)
    """KV cache of a server on the CPU, GiB."""
    restarts: int = Field(default=3, ge=0)
    """How often a server that died is started again."""
    log: Path | None = None
    """The server's log file; none: one in the temporary folder."""

    @model_validator(mode="after")
    def _gpus_can_be_had(self) -> Self:
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise ValueError("gpus above 1 must be a whole number")
        return self


class EndpointSettings(BaseModel):
    """A model behind one OpenAI-compatible endpoint, or behind several alike."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
    called: ClassVar[str] = "the model"
    """In messages."""
    names_model: ClassVar[str] = "`model`"
    """In messages: the option by which a model is named."""

    url: str | tuple[str, ...] = ()
    """Base URL of an OpenAI-compatible endpoint, such as http://host:8000/v1, or several, over
    which requests are spread."""
    model: str | None = Field(default=None, min_length=1)
    """The model's name there; none: the only one that it serves."""
    api_key_env: str | None = None
    """The environment variable with the API key; none: no key is sent."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """None: the endpoint's own."""
    max_tokens: int = Field(default=1024, ge=1)
    """Tokens of one reply."""
    extra: dict[str, Any] = {}
    """Further fields of a request's body, such as
    `{chat_template_kwargs: {enable_thinking: false}}`."""
    structured: Literal["auto", "json_schema", "none"] = "auto"
    """Whether a reply is held to a JSON schema; `auto`: where the endpoint can."""
    concurrency: int = Field(default=32, ge=1)
    """Requests that are open at once, over all endpoints."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Most requests a minute, evenly spread."""
    timeout: float = Field(default=REQUEST_SECONDS, gt=0)
    """Seconds for one request."""
    patience: float = Field(default=PATIENCE, ge=0)
    """Seconds for which an outage is waited out, before requests fail."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in (url,) if isinstance(url, str) else url:
            if not one.startswith(("http://", "https://")):
                raise ValueError(f"the url {one!r} does not begin with http:// or https://")
            if not _has_host(one):
                raise ValueError(f"the url {one!r} names no host and port")
        return url

    @field_validator("extra")
    @classmethod
    def _is_not_of_ours(cls, extra: dict[str, Any]) -> dict[str, Any]:
        """Else another thing would be asked than what the answers are taken for."""
        if ours := [name for name in OURS if name in extra]:
            raise ValueError(f"it sets {ours[0]}, which Plumb sets by itself: leave it out")
        return extra

    @property
    def urls(self) -> tuple[str, ...]:
        """Base URLs, without a slash at the end."""
        several = (self.url,) if isinstance(self.url, str) else self.url
        return tuple(dict.fromkeys(url.rstrip("/") for url in several))

    @property
    def sampling_temperature(self) -> float | None:
        """The temperature of a request; None: none is named."""
        return self.temperature

    def api_key(self) -> str | None:
        """The key to send; raises PoolError where the variable that is named is not set."""
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise PoolError(
                f"{self.called}'s key: the environment variable {self.api_key_env} is not set; "
                "set it"
            )
        return key


class JudgeSettings(EndpointSettings):
    """A judge: an OpenAI-compatible endpoint, a rubric, and limits."""

    called: ClassVar[str] = "the judge"

    rubric: str = "four-factors"
    """A built-in rubric, or the path of a rubric file, for `grade`."""
    pair_rubric: str = "pairwise"
    """The same for `compare`."""
    votes: int = Field(default=1, ge=1, le=99)
    """Grades that are asked for; their median is the score."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """None: 0 for one vote, 0.7 for several."""
    max_chars: int = Field(default=24_000, ge=100)
    """Characters shown of an answer, a reference, a conversation; a longer one loses its middle."""
    cache: Path | None = None
    """A folder on a local disk in which grades are kept; none: nothing is kept."""
    prices: Prices = Prices()
    """Per million tokens, for the metric `cost`."""
    serve: ServeSettings | None = None
    """Start the judge's server instead of naming one by `url`."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if bool(self.urls) == (self.serve is not None):
            raise ValueError("give either url, where the judge is, or serve, to start one")
        if self.votes > 1 and self.temperature == 0:
            raise ValueError("several votes at temperature 0 are alike: raise it, or take one vote")
        return self

    @property
    def sampling_temperature(self) -> float:
        """The temperature of a request."""
        if self.temperature is not None:
            return self.temperature
        return 0.0 if self.votes == 1 else 0.7

    @property
    def quorum(self) -> int:
        """Votes that must be readable: more than half."""
        return math.floor(self.votes / 2) + 1


def _has_host(url: str) -> bool:
    """Whether an address can be read, its port too."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
