"""What can be asked of the thinking part of an answer."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Checks(BaseModel):
    """What the thinking part of an answer has to be; what is not asked for is not looked at."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    thinking: Literal["any", "some", "none"] = "any"
    """`some`: a thinking part that says something and ends; `none`: none, or an empty one; `any`:
    whatever it is."""
    language: str | None = None
    """The language that the thinking is to be in, as an ISO 639-1 code such as `en` or `it`; null:
    any. Code, formulas and names of one letter are left out of what is looked at."""
    language_letters: int = Field(default=80, ge=30)
    """Letters of prose below which nothing is said of the language."""
    language_share: float = Field(default=0.75, gt=0, le=1)
    """Share of the thinking that has to be in the language."""
    min_tokens: int | None = Field(default=None, ge=1)
    """The fewest tokens of thinking; null: any number."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The most tokens of thinking; null: any number."""

    @model_validator(mode="after")
    def _can_hold(self) -> Self:
        if self.min_tokens and self.max_tokens and self.min_tokens > self.max_tokens:
            raise ValueError(
                f"min_tokens={self.min_tokens} is more than max_tokens={self.max_tokens}"
            )
        asks = [name for name in ("language", "min_tokens", "max_tokens") if getattr(self, name)]
        if self.thinking == "none" and asks:
            raise ValueError(
                f"thinking is none, so there is nothing that {' and '.join(asks)} could hold for: "
                "leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _language_is_known(self) -> Self:
        if self.language is not None:
            from rewards.reasoning.prose import CODES

            if self.language not in CODES:
                raise ValueError(
                    f"language {self.language!r} cannot be told: use one of "
                    f"{', '.join(sorted(CODES))}"
                )
        return self

    @property
    def counts_tokens(self) -> bool:
        """Whether the length of the thinking is asked for."""
        return self.min_tokens is not None or self.max_tokens is not None
