"""What a prompt is: `Record` in files, `Prompt` in training, `PromptSource` between the two.

A prompt is identified by its id inside one data set and by its digests everywhere else. Digests
depend on content alone: they are the same on every machine, in every process and in any order of
mapping keys. A record's id is such a digest, so that it is the same in every file it gets into.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Final, Literal, NamedTuple, Protocol, Self, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from data.errors import PromptError

VERSION: Final = 1
"""Of the schema of `Record`; a file of another version is refused."""
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
Stratum = Literal["easy", "medium", "hard"]
STRATA: Final[tuple[Stratum, ...]] = get_args(Stratum)
_ID_LETTERS: Final = 20  # 80 bits: two of a billion prompts share an id with a chance of 4e-7


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing to ask the policy, and what is needed to judge its answer.

    Attributes:
        id: unique within a data set; rollouts and logs name the prompt by it.
        messages: chat messages, each with "role" and "content" and, where the assistant called
            tools, "tool_calls"; never empty.
        reference: what the verifier compares with; a JSON value, None where a task needs none.
        task: the kind of task: rewards are routed and metrics are told apart by it.
        metadata: whatever else the source said about it; verifiers may read it, training does not.
        tools: declarations of the tools on offer, as `{"type": "function", "function": {...}}`.
        source: of a run with several sources, the name of its own; its id then begins with it.
        mode: the reasoning mode that it is asked in; empty: there are none.
    """

    id: str
    messages: tuple[Mapping[str, Any], ...]
    reference: Any = None
    task: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    source: str = ""
    mode: str = ""

    def of_source(self, name: str) -> "Prompt":
        """This prompt as one of the source `name` among others, whose ids it cannot share."""
        return replace(self, id=f"{name}/{self.id}", source=name)

    @property
    def evidence(self) -> tuple[int, int] | None:
        """Right and graded answers of the model that was measured on it; None: none was."""
        found = self.metadata.get("pass_rate")
        if not isinstance(found, Mapping):
            return None
        correct, graded = found.get("correct"), found.get("k")
        if type(correct) is not int or type(graded) is not int or not 0 <= correct <= graded > 0:
            return None
        return correct, graded

    def text_digest(self) -> str:
        """Identify what the policy is asked: equal messages and tools have equal digests."""
        asked = [dict(message) for message in self.messages]
        return _digest([asked, list(self.tools)] if self.tools else asked)

    def digest(self) -> str:
        """Identify the whole exercise: id, messages, reference and task, without metadata."""
        try:
            return _digest([self.id, self.text_digest(), self.reference, self.task])
        except TypeError as error:
            raise PromptError(
                f"prompt {self.id!r}: its reference has no stable identity ({error}); "
                "use text, numbers, lists and objects in references"
            ) from error


@runtime_checkable
class PromptSource(Protocol):
    """Where the trainer gets prompts, one at a time, in an order that survives a restart."""

    @property
    def fingerprint(self) -> str:
        """Identify the data; two sources with equal fingerprints hold the same prompts."""

    @property
    def total(self) -> int | None:
        """How many prompts the source gives over all epochs, from its start; None when endless."""

    def next(self) -> Prompt | None:
        """Give the next prompt, or None, again and again, when prompts have run out."""

    def state_dict(self) -> dict[str, Any]:
        """Give the position as JSON values: what is needed to continue exactly here."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken; raises DataError if it is of another data set."""


def stratum(correct: int, graded: int) -> Stratum:
    """How hard a prompt is to whoever answered it: always right, sometimes, or never."""
    return "easy" if correct == graded else "medium" if correct else "hard"


class Answered(NamedTuple):
    """How the policy that is trained answered a prompt, in one group."""

    prompt: str
    """Its id."""
    graded: int
    """Answers that could be graded."""
    correct: int
    """Right ones among them."""


@runtime_checkable
class ListeningSource(PromptSource, Protocol):
    """A source whose order follows from how its prompts were answered.

    It is told once a batch is taken, of every group that ended since the batch before, in dispatch
    order, so that where nothing is in flight between batches the order is a function of outcomes.
    """

    def note(self, answered: Sequence[Answered]) -> None:
        """A batch was taken; prompts of other data are passed over."""


class PassRate(BaseModel):
    """How often a model was right on a prompt: the evidence for its difficulty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(ge=1)
    """Answers that were graded; ungradable ones are not among them."""
    correct: int = Field(ge=0)
    model: str
    """A Hugging Face id, a folder's name, or what an endpoint says that it serves."""
    sampling: dict[str, JsonValue] = Field(default_factory=dict)
    """Temperature, top_p and the like, by vLLM's names."""

    @model_validator(mode="after")
    def _correct_at_most_k(self) -> Self:
        if self.correct > self.k:
            raise ValueError(f"{self.correct} correct of {self.k} answers")
        return self

    @property
    def rate(self) -> float:
        """The share correct."""
        return self.correct / self.k


class Record(BaseModel):
    """A prompt as data files hold it, with where it comes from and how hard it is.

    `data.records` reads and writes files of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ""
    """`content_id` of the content; left empty, it is filled in."""
    messages: tuple[dict[str, JsonValue], ...] = Field(min_length=1)
    """Chat messages, the last one not the assistant's."""
    task: str
    """What verifies an answer: math, code, tool, text, or a name of the user's own."""
    reference: JsonValue = None
    """What the verifier compares with: an answer, tests, calls, constraints; None: nothing."""
    tools: tuple[dict[str, JsonValue], ...] = ()
    """Declarations, as `{"type": "function", "function": {...}}`."""
    environment: str = ""
    """What the episode takes place in; empty: one turn, no environment."""
    source: str = ""
    """The data set, such as `openai/gsm8k`."""
    source_id: str = ""
    """The row's name in it."""
    licence: str = ""
    """An SPDX identifier where there is one."""
    language: str = ""
    """Of the request: an ISO 639-1 code such as `en`, `zh`, `ru`; empty: not known."""
    pass_rate: PassRate | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    """Whatever else is known; verifiers may read it."""

    @model_validator(mode="before")
    @classmethod
    def _identified(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("id") and value.get("messages"):
            made = content_id(
                value["messages"],
                value.get("tools", ()),
                value.get("reference"),
                value.get("task", ""),
            )
            return {**value, "id": made}
        return value

    @classmethod
    def of_valid(cls, *, metadata: dict[str, JsonValue], **fields: Any) -> Self:
        """A record of values that are known to be valid, for speed; others have their defaults."""
        values = {**_DEFAULTS, **fields, "metadata": metadata}
        return cls._made(values, {*fields, "metadata"})

    def changed(self, **fields: Any) -> Self:
        """A copy with other values, which are known to be valid."""
        return self._made({**self.__dict__, **fields}, self.__pydantic_fields_set__ | fields.keys())

    @classmethod
    def _made(cls, values: dict[str, Any], given: set[str]) -> Self:
        """What pydantic's `model_construct` makes, in a third of its time."""
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", values)
        object.__setattr__(made, "__pydantic_fields_set__", given)
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    def prompt(self) -> Prompt:
        """What training reads; origin and evidence become metadata."""
        said = {
            name: getattr(self, name)
            for name in ("environment", "source", "source_id", "licence")
            if getattr(self, name)
        }
        if self.language:
            # Verifiers read `language` as that of programs, functions and tests.
            said["request_language"] = self.language
        if self.pass_rate is not None:
            said["pass_rate"] = self.pass_rate.model_dump()
        return Prompt(
            id=self.id,
            messages=self.messages,
            reference=self.reference,
            task=self.task,
            metadata={**self.metadata, **said},
            tools=self.tools,
        )

    def request(self) -> str:
        """What is asked in words: the texts of the user's messages, a blank line between them."""
        first = self.messages[0].get("content")
        if len(self.messages) == 1 and isinstance(first, str):
            return first if self.messages[0].get("role") == "user" else ""
        texts = (m.get("content") for m in self.messages if m.get("role") == "user")
        return "\n\n".join(text for text in texts if isinstance(text, str))


_DEFAULTS: Final[Mapping[str, Any]] = {
    name: field.default for name, field in Record.model_fields.items() if not field.is_required()
}


def content_id(
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    reference: Any,
    task: str,
) -> str:
    """The id of a prompt: a digest of what is asked, and of what is right."""
    if len(messages) == 1 and not tools and isinstance(reference, str) and len(messages[0]) == 2:
        content, role = messages[0].get("content"), messages[0].get("role")
        if isinstance(content, str) and isinstance(role, str):
            # The same text as below; nearly all prompts are of this kind.
            message = f'{{"content":{_quoted(content)},"role":{_quoted(role)}}}'
            said = f"[[{message}],[],{_quoted(reference)},{_quoted(task)}]"
            return hashlib.sha256(said.encode("ascii")).hexdigest()[:_ID_LETTERS]
    return _digest([list(messages), list(tools), reference, task])[:_ID_LETTERS]


def _digest(value: object) -> str:
    """Hash a JSON value; ASCII escapes keep even unpaired surrogates encodable."""
    return hashlib.sha256(_CANONICAL(value).encode("ascii")).hexdigest()
