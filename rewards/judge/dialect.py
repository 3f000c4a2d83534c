"""What an endpoint was found to take of OpenAI's protocol.

Guarantees: a dialect never changes; each change leads to one that asks for less, so there are few
of them. Which change to try follows from the endpoint's own words, and a change is kept only where
the request then succeeds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from rewards.judge.errors import RefusedError
from rewards.judge.replies import Request, TransientError
from rewards.judge.settings import EndpointSettings

_FORM: Final = "reply"
_OPTIONAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "it samples at its own",
        "top_p": "it samples at its own",
        "seed": "its answers differ from one time to the next",
        "n": "it is asked for one answer at a time",
    }
)
"""Fields that are left out where they are refused, and what that means."""
_NAMED: Final = frozenset({"max_tokens", *_OPTIONAL})
"""Fields of `Request.sampling` that OpenAI's protocol has; others go beside them."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a request is written.

    Attributes:
        takes_schemas: Whether the reply's form may be asked for.
        is_sure: Whether that is known; an endpoint that has kept to a schema does.
        limit: What the limit of tokens is called.
        left_out: Optional fields that it does not take.
        reads_calls: Whether it reads calls out of what the model writes; False: they are in the
            text.
    """

    takes_schemas: bool
    is_sure: bool
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    left_out: frozenset[str] = frozenset()
    reads_calls: bool = True

    @classmethod
    def first(cls, settings: EndpointSettings) -> "Dialect":
        """What is tried first."""
        return cls(settings.structured != "none", settings.structured != "auto")

    def body(self, request: Request, settings: EndpointSettings) -> dict[str, Any]:
        """The fields of a request beside model and messages."""
        asked = {
            "max_tokens": settings.max_tokens,
            "temperature": settings.sampling_temperature,
            **request.sampling,
        }
        body: dict[str, Any] = {self.limit: asked["max_tokens"]}
        body |= {name: asked[name] for name in self._wishes(asked)}
        if self.asks_for_form(request):
            form = {"name": _FORM, "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.tools:
            body["tools"] = list(request.tools)
            if not self.reads_calls:
                body["tool_choice"] = "none"
        others = {name: value for name, value in asked.items() if name not in _NAMED}
        return body | {"extra_body": {**settings.extra, **others} or None}

    def _wishes(self, asked: Mapping[str, Any]) -> list[str]:
        """The optional fields that are sent."""
        return [
            name for name in _OPTIONAL if name not in self.left_out and asked.get(name) is not None
        ]

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
            for name in self._wishes({"temperature": 0, **request.sampling}):
                if re.search(rf"\b{name}\b", said):
                    return replace(self, left_out=self.left_out | {name})
            if request.tools and self.reads_calls and "tool" in said:
                return replace(self, reads_calls=False)
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
        new = replace(new, left_out=new.left_out | (found.left_out - began.left_out))
        if found.reads_calls != began.reads_calls:
            new = replace(new, reads_calls=found.reads_calls)
        if not self.is_sure:
            sure = found.is_sure or not found.takes_schemas
            new = replace(new, takes_schemas=found.takes_schemas, is_sure=sure)
        return new

    def changes(self, new: "Dialect") -> list[str]:
        """What a person is told where `new` takes the place of this one."""
        told: dict[str, bool] = {
            "it takes max_completion_tokens, not max_tokens": new.limit != self.limit,
            "it keeps to no schema: replies are read as text": (
                new.takes_schemas != self.takes_schemas
            ),
            "it reads no calls: they are read out of the text": (
                new.reads_calls != self.reads_calls
            ),
        }
        lost = [name for name in _OPTIONAL if name in new.left_out - self.left_out]
        return [
            *(text for text, is_so in told.items() if is_so),
            *(f"it takes no {name}: {_OPTIONAL[name]}" for name in lost),
        ]
