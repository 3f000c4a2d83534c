"""What an endpoint was found to take of OpenAI's protocol.

Guarantees: a dialect never changes; each change leads to one that asks for less, so there are few
of them. Which change to try follows from the endpoint's own words, and a change is kept only where
the request then succeeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from rewards.judge.errors import RefusedError
from rewards.judge.replies import Request, TransientError
from rewards.judge.settings import JudgeSettings

_FORM: Final = "grade"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is written.

    Attributes:
        takes_schemas: Whether the reply's form may be asked for.
        is_sure: Whether that is known; an endpoint that has kept to a schema does.
        limit: What the limit of tokens is called.
        takes_temperature: Whether the temperature may be named.
    """

    takes_schemas: bool
    is_sure: bool
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    takes_temperature: bool = True

    @classmethod
    def first(cls, settings: JudgeSettings) -> "Dialect":
        """What is tried first."""
        return cls(settings.structured != "none", settings.structured != "auto")

    def body(self, request: Request, settings: JudgeSettings) -> dict[str, Any]:
        """The fields of a request beside model and messages."""
        body: dict[str, Any] = {self.limit: settings.max_tokens}
        if self.takes_temperature:
            body["temperature"] = settings.sampling_temperature
        if self.asks_for_form(request):
            form = {"name": _FORM, "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    def asks_for_form(self, request: Request) -> bool:
        """Whether a request is sent with its schema."""
        return self.takes_schemas and request.schema is not None

    def after(self, error: Exception, request: Request) -> "Dialect | None":
        """What to try where the endpoint answered with `error`; None: nothing else."""
        if isinstance(error, TransientError) and not error.is_told:
            return None
        said = str(error)
        if isinstance(error, RefusedError):
            if "max_tokens" in said and self.limit == "max_tokens":
                return replace(self, limit="max_completion_tokens")
            if "temperature" in said and self.takes_temperature:
                return replace(self, takes_temperature=False)
        if self.asks_for_form(request) and not self.is_sure:
            return replace(self, takes_schemas=False)
        return None

    def learned(self, began: "Dialect", found: "Dialect") -> "Dialect":
        """This one, with what a request that began in `began` found out by succeeding in `found`.

        Requests are open side by side: what one has learnt meanwhile of schemas stands.
        """
        new = self
        if found.limit != began.limit:
            new = replace(new, limit=found.limit)
        if found.takes_temperature != began.takes_temperature:
            new = replace(new, takes_temperature=found.takes_temperature)
        if not self.is_sure:
            sure = found.is_sure or not found.takes_schemas
            new = replace(new, takes_schemas=found.takes_schemas, is_sure=sure)
        return new

    def changes(self, new: "Dialect") -> list[str]:
        """What a person is told where `new` takes the place of this one."""
        told: Mapping[str, bool] = {
            "it takes max_completion_tokens, not max_tokens": new.limit != self.limit,
            "it takes no temperature: it samples at its own": (
                new.takes_temperature != self.takes_temperature
            ),
            "it keeps to no schema: grades are read from text": (
                new.takes_schemas != self.takes_schemas
            ),
        }
        return [text for text, is_so in told.items() if is_so]
