"""What is asked of a model and what it answers, whatever runs the model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

StopReason = Literal["stop", "length", "refused"]


@dataclass(frozen=True, slots=True)
class Request:
    """One question.

    Attributes:
        key: Its name in a store: the same question has it again in the next run.
        messages: The chat, as records have it.
        tools: Declarations of the tools on offer, as records have them.
        schema: The JSON schema of the answer; None: any text.
        seed: For the sampler; None: by chance.
    """

    key: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    schema: Mapping[str, Any] | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        text: What the model wrote beside its calls. Where the server does not part thinking from
            the rest, it stands in here as the model wrote it; `rewards.thinking` parts it.
        calls: Its calls, as `{"name", "arguments"}`, by the names in the record.
        fault: Why a call that it attempted cannot be read; empty: there is none.
        stop_reason: `length` where a limit cut it; `refused` where the endpoint would not take the
            question, and `fault` says why.
        tokens: Tokens it took; where several answers came at once, an even share.
        thinking: What the server took for reasoning.
    """

    text: str
    calls: tuple[Mapping[str, Any], ...] = ()
    fault: str = ""
    stop_reason: StopReason = "stop"
    tokens: int = 0
    thinking: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the model ended it, and what it says can be read."""
        return self.stop_reason == "stop" and not self.fault

    def as_json(self) -> dict[str, Any]:
        """As a store keeps it; what is empty is left out."""
        held = {**asdict(self), "calls": [dict(call) for call in self.calls]}
        return {name: value for name, value in held.items() if value not in ("", [], 0)}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> "Answer":
        """The answer that `as_json` gave."""
        fields = {"text": "", **value, "calls": tuple(value.get("calls", ()))}
        return cls(**fields)


@runtime_checkable
class Model(Protocol):
    """Something that answers."""

    @property
    def name(self) -> str:
        """The model's name, which tells it from others."""

    @property
    def sampling(self) -> Mapping[str, Any]:
        """How it is asked where nothing else is said: `temperature`, `max_tokens` and the like."""

    @property
    def concurrency(self) -> int:
        """How many questions it can have open at once."""

    async def start(self) -> None:
        """Make ready to answer; more than once does no harm.

        Raises:
            RewardError: It cannot be used; says why, in one line.
        """

    async def aclose(self) -> None:
        """Give back what it holds."""

    async def answer(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        n: int = 1,
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
        **sampling: Any,
    ) -> list[Answer]:
        """`n` answers to a chat.

        Raises:
            InfrastructureError: The model is away, however long one waits.
            RefusedError: It will not answer this.
        """
