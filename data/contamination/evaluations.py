"""The evaluation sets that training data are kept apart from.

Guarantees: every row of a set is read, or the set is refused; a row's text is what a user asks in
it, whatever the file's layout.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from data.errors import SourceError
from data.formats.opening import AUTO, is_hub_name, open_source

_FORMAT: Final = re.compile(r"([a-z0-9_-]+):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A set whose rows must not be trained on.

    Attributes:
        name: by which hits name it.
        source: a file, a folder, or a data set of the hub.
        format: one of `data.formats`; "auto" tells it from the rows.
        split: of a hub's data set.
        configuration: of a hub's data set that has several, such as `main`.
    """

    name: str
    source: str
    format: str = AUTO
    split: str = "test"
    configuration: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `NAME=[FORMAT:]SOURCE[@[CONFIGURATION/]SPLIT]`.

        Such as `gsm8k=test.jsonl`, `math=org/math@test` or `gsm8k=openai/gsm8k@main/test`.

        Raises:
            SourceError: the name or the source is missing.
        """
        name, found, source = text.partition("=")
        if not (found and name.strip() and source.strip()):
            raise SourceError(f"--against {text}: give it as NAME=FILE, such as gsm8k=test.jsonl")
        format_name, split, configuration = AUTO, "test", ""
        if not Path(source).exists():
            if match := _FORMAT.fullmatch(source):
                format_name, source = match.groups()
            bare, found, wanted = source.rpartition("@")
            if found and is_hub_name(bare):
                source, (configuration, _, split) = bare, wanted.rpartition("/")
        return cls(name.strip(), source, format_name, split, configuration or None)

    def rows(self) -> Iterator[tuple[str, str]]:
        """The place and the text of each row.

        Raises:
            SourceError: the set cannot be read.
            RowError: a row cannot.
        """
        is_file = Path(self.source).exists()
        split = None if is_file or not is_hub_name(self.source) else self.split
        opened = open_source(self.source, format=self.format, split=split, name=self.configuration)
        for row in opened.rows:
            for record in opened.format.records(row):
                yield record.source_id or f"row {row.number}", record.request()
