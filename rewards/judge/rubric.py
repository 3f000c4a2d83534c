"""Rubrics: what a judge is asked, as a file, and the form of its answer.

Guarantees: a rubric is checked whole when it is loaded, its template included; its template runs in
a sandbox, and a name that it misspells is an error instead of nothing. Two rubrics have one digest
if and only if their files are equal.

A file is YAML between two lines `---`, then a jinja2 template with the blocks `system` and `user`:

    name, scale {min, max}, factors {name: description}, threshold     for one answer
    name, kind: pair, factors {name: description}                      for two answers
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rewards.judge.errors import RubricError

BUILT_IN: Final = Path(__file__).parent / "rubrics"
SUFFIX: Final = ".md.j2"
BLOCKS: Final = ("system", "user")
LONGEST: Final = 1 << 20  # bytes of a file
SPAN: Final = 100  # of a scale: every grade is listed in the schema
OVERALL: Final = "overall"
CHOICE: Final = "better"
PREFERENCES: Final = ("first", "second", "tie")
_PARTS = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*\r?\n(.*)\Z", re.DOTALL)
_ENVIRONMENT: Final = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)

FactorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Scale(BaseModel):
    """Whole grades from `min` to `max`, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = 0
    max: int = 10

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not 1 <= self.max - self.min <= SPAN:
            raise ValueError(f"max must be above min, by {SPAN} at most")
        return self

    def holds(self, grade: float) -> bool:
        """Whether `grade` lies on the scale."""
        return self.min <= grade <= self.max

    def reward(self, score: float) -> float:
        """`score` mapped to [-1, 1]: 2 (S - Smin) / (Smax - Smin) - 1, as TeleChat's report has it
        (section 4.3)."""
        return 2 * (score - self.min) / (self.max - self.min) - 1


class Header(BaseModel):
    """What stands above the template."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["grade", "pair"] = "grade"
    """`grade`: one answer on a scale; `pair`: which of two answers is better."""
    scale: Scale = Scale()
    factors: Annotated[dict[FactorName, str], Field(min_length=1, max_length=20)]
    """What is looked at, each with its meaning; the judge grades every one of them."""
    score: Literal["mean", "overall"] = "mean"
    """`mean` of the factors' grades, computed here; `overall`: a grade that the judge gives
    beside them."""
    threshold: float | None = None
    """The score from which an answer counts as correct; none: the middle of the scale."""
    explain: int = Field(default=0, ge=0, le=4000)
    """Characters in which the judge may give its reasons before it grades."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.threshold is not None and not self.scale.holds(self.threshold):
            raise ValueError(f"the threshold {self.threshold:g} lies outside of the scale")
        for reserved in (OVERALL, CHOICE, "reasons"):
            if reserved in self.factors:
                raise ValueError(f"a factor cannot be called '{reserved}'")
        return self


@dataclass(frozen=True, slots=True)
class JudgeRubric:
    """A loaded rubric.

    Attributes:
        header: Its settings.
        digest: SHA-256 of the file.
        template: Its compiled template.
    """

    header: Header
    digest: str
    template: jinja2.Template

    @property
    def is_pair(self) -> bool:
        """Whether it compares two answers."""
        return self.header.kind == "pair"

    @property
    def scale(self) -> Scale:
        """What grades are possible."""
        return self.header.scale

    @property
    def threshold(self) -> float:
        """The score from which an answer counts as correct."""
        middle = (self.scale.min + self.scale.max) / 2
        return middle if self.header.threshold is None else self.header.threshold

    @property
    def grades(self) -> tuple[str, ...]:
        """The names of the grades that one vote has."""
        overall = (OVERALL,) if self.header.score == "overall" else ()
        return (*self.header.factors, *overall)

    def score(self, grades: Mapping[str, float]) -> float:
        """S, of one vote's grades."""
        if self.header.score == "overall" or OVERALL in grades:
            return grades[OVERALL]
        return math.fsum(grades.values()) / len(grades)

    def schema(self) -> dict[str, Any]:
        """The JSON schema of one vote; the reasons come first, so that grades follow from them."""
        properties: dict[str, Any] = {}
        if self.header.explain:
            properties["reasons"] = {"type": "string", "maxLength": self.header.explain}
        if self.is_pair:
            properties[CHOICE] = {"type": "string", "enum": list(PREFERENCES)}
        else:
            values = list(range(self.scale.min, self.scale.max + 1))
            properties |= {name: {"type": "integer", "enum": values} for name in self.grades}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def form(self) -> str:
        """The answer's form in words, for the prompt."""
        parts = ['"reasons": "..."'] if self.header.explain else []
        if self.is_pair:
            parts.append(f'"{CHOICE}": "first", "second" or "tie"')
        else:
            parts += [f'"{name}": {self.scale.min} to {self.scale.max}' for name in self.grades]
        return f"{{{', '.join(parts)}}}"

    def render(self, block: str, values: Mapping[str, Any]) -> str:
        """The text of a block of the template.

        Raises:
            RubricError: The template uses a name that there is not, or does what the sandbox
                forbids.
        """
        try:
            context = self.template.new_context({**values, "rubric": self.header})
            return "".join(self.template.blocks[block](context)).strip()
        except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError) as error:
            raise RubricError(
                f"rubric '{self.header.name}': its block '{block}' fails: {error}; mend it"
            ) from error


def built_in_rubrics() -> tuple[str, ...]:
    """The names of the rubrics that come with Plumb."""
    return tuple(sorted(path.name.removesuffix(SUFFIX) for path in BUILT_IN.glob(f"*{SUFFIX}")))


def load_rubric(name: str) -> JudgeRubric:
    """The built-in rubric called `name`, or that of the file at the path `name`.

    Raises:
        RubricError: There is none, or it is malformed.
    """
    path = BUILT_IN / f"{name}{SUFFIX}" if name in built_in_rubrics() else Path(name)
    try:
        raw = path.read_bytes()
    except OSError as error:
        known = ", ".join(built_in_rubrics())
        raise RubricError(
            f"rubric '{name}': {error.strerror or error}; name a file, or one of {known}"
        ) from error
    if len(raw) > LONGEST:
        raise RubricError(f"rubric '{name}': longer than {LONGEST} bytes; shorten it")
    try:
        return parse_rubric(raw.decode())
    except UnicodeDecodeError as error:
        raise RubricError(f"rubric '{name}': not UTF-8 text; save it as UTF-8") from error
    except RubricError as error:
        raise RubricError(f"rubric '{name}': {error}") from error


@lru_cache(maxsize=32)
def parse_rubric(text: str) -> JudgeRubric:
    """The rubric that a file's text describes.

    Raises:
        RubricError: It is malformed; says where.
    """
    parts = _PARTS.match(text)
    if parts is None:
        raise RubricError("does not begin with settings between two lines '---'; add them")
    try:
        header = Header.model_validate(yaml.safe_load(parts[1]))
        template = _ENVIRONMENT.from_string(parts[2])
    except yaml.YAMLError as error:
        raise RubricError(f"its settings are no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "its settings"
        raise RubricError(f"{place}: {fault['msg']}") from error
    except jinja2.TemplateSyntaxError as error:
        raise RubricError(f"line {error.lineno} of its template: {error.message}") from error
    for block in BLOCKS:
        if block not in template.blocks:
            raise RubricError(f"its template has no block '{block}'; add {{% block {block} %}}")
    return JudgeRubric(header, hashlib.sha256(text.encode()).hexdigest(), template)
