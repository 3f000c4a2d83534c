"""What a query can be about: domains, and the tags of each.

Guarantees: a tag belongs to one domain, and none is called as a domain is; so a record's list of
tags, the domain first, can be balanced by any one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from data.errors import SourceError

OTHER: Final = "other"
BUILT_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "mathematics": (
        "arithmetic", "algebra", "geometry", "number-theory", "combinatorics", "probability",
        "statistics", "calculus", "linear-algebra", "word-problems",
    ),
    "coding": (
        "algorithms", "data-structures", "string-processing", "numerical-code", "databases",
        "web", "debugging", "code-explanation", "scripting",
    ),
    "reasoning": ("logic", "puzzles", "planning", "causality", "spatial", "commonsense"),
    "science": ("physics", "chemistry", "biology", "earth", "medicine", "engineering"),
    "knowledge": ("history", "law", "economics", "geography", "culture", "philosophy"),
    "tool-use": ("single-call", "several-calls", "no-call-fits", "search", "computing", "booking"),
    "instruction-following": ("length", "layout", "keywords", "wording", "structured-data"),
    "writing": ("creative", "role-play", "editing", "summarising", "translation", "business"),
    "conversation": ("advice", "opinion", "small-talk", "safety"),
    OTHER: (),
}  # fmt: skip
"""After section 4.1.1 of the TeleChat2 report: major categories, each with finer ones."""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Domains with their tags."""

    domains: Mapping[str, tuple[str, ...]]

    @classmethod
    def built_in(cls) -> Self:
        """That of `BUILT_IN`."""
        return cls(BUILT_IN)

    @classmethod
    def read(cls, path: Path) -> Self:
        """That of a YAML or JSON file: an object of domains, each with its list of tags.

        Raises:
            SourceError: it cannot be read, is no such object, or a name stands twice.
        """
        import yaml

        try:
            held = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise SourceError(f"{path}: no readable list of tags: {reason}") from error
        if not isinstance(held, dict) or not held:
            raise SourceError(f"{path}: holds no domains; write them as `name: [tag, tag]`")
        domains = {}
        for domain, listed in held.items():
            tags = [] if listed is None else listed
            names = [domain, *tags] if isinstance(tags, list) else [domain, None]
            if not all(isinstance(name, str) and name.strip() for name in names):
                raise SourceError(f"{path}: {domain}: write its tags as a list of names")
            domains[str(domain)] = tuple(tags)
        names = [name for domain, tags in domains.items() for name in (domain, *tags)]
        for name in names:
            if names.count(name) > 1:
                raise SourceError(f"{path}: {name} stands twice; give each a name of its own")
        return cls(domains if OTHER in names else {**domains, OTHER: ()})

    def as_json(self) -> dict[str, Any]:
        """The domains as JSON values."""
        return {domain: list(tags) for domain, tags in self.domains.items()}
