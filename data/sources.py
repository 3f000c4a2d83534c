"""Loading prompts from a file, a folder of records, or a built-in task.

Every prompt that comes out is complete: it has messages that end where the answer begins, an id
that no other prompt has, and a reference unless the source was said to have none. Anything else
raises one DataError whose single line names file, row and remedy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from data.builtin import PREFIX, builtin_prompts
from data.columns import Columns
from data.compressed import bare_name
from data.errors import PromptError, RowError, SourceError
from data.files import Row, read_rows
from data.messages import Wording, as_messages
from data.records import is_records, read_record_rows, record_of
from data.references import final_answers
from data.schema import Prompt
from data.words import refuse_media, words_of


def load_prompts(
    source: str | Path,
    *,
    prompt_column: str = "auto",
    reference_column: str | None = "auto",
    id_column: str | None = "auto",
    tools_column: str | None = "auto",
    task_column: str | None = "auto",
    task: str = "",
    limit: int | None = None,
    system: str | None = None,
    template: str | None = None,
    reference_pattern: str | None = "auto",
) -> list[Prompt]:
    r"""Load prompts in the order of the source.

    Args:
        source: a .jsonl, .json (array) or .parquet file, also .jsonl.gz and the like, a folder that
            `plumb data` wrote, or `builtin:arithmetic?max=99`. Records have no columns to choose.
        prompt_column: holds text (one user message) or a list of chat messages.
        reference_column: holds what the verifier compares with; None if the source has none.
        id_column: holds ids; None numbers the rows, as "train/7".
        tools_column: holds the tools on offer; None if the source has none.
        task_column: holds each row's kind of task; None if the source has none.
        task: the kind of every prompt; empty: what its row says, or the built-in task.
        limit: read this many rows at most.
        system: a system message to begin every prompt with.
        template: wording around the prompt, such as "{prompt}\nAnswer in \boxed{{}}.".
        reference_pattern: takes its first group out of the reference; "auto" follows GSM8K's
            `#### 42` where every row has it; None changes nothing.

    Raises:
        DataError: the source, one of its rows, or an option cannot be used.
    """
    if limit is not None and limit < 1:
        raise SourceError(f"limit is {limit}; give 1 or more, or none to read everything")
    wording = Wording(system, template)
    if str(source).startswith(PREFIX):
        made = builtin_prompts(str(source))[:limit]
        return [_reworded(prompt, wording, str(source), task) for prompt in made]
    path = Path(source)
    rows = list(islice(read_record_rows(path) if path.is_dir() else read_rows(path), limit))
    if not rows:
        raise SourceError(f"{path}: holds no prompts; check that it was written completely")
    if is_records(rows[0].columns):
        known = [_in_words(record_of(row).prompt(), row) for row in rows]
        _check_ids(known, rows)
        return [_reworded(prompt, wording, str(source), task) for prompt in known]
    columns = Columns.choose(
        rows[0],
        prompt=prompt_column,
        reference=reference_column,
        id=id_column,
        tools=tools_column,
        task=task_column,
    )
    maker = _PromptMaker(columns, wording, task, Path(bare_name(path)).stem)
    prompts = maker.all_of(rows, reference_pattern)
    _check_ids(prompts, rows)
    return prompts


@dataclass(frozen=True, slots=True)
class _PromptMaker:
    """What is the same for every row of a source."""

    columns: Columns
    wording: Wording
    task: str
    stem: str

    def all_of(self, rows: Sequence[Row], reference_pattern: str | None) -> list[Prompt]:
        """A prompt of each row; a pattern for references is one for all rows."""
        references = final_answers(
            [self.columns.reference_of(row) for row in rows],
            [row.where for row in rows],
            reference_pattern if self.columns.reference is not None else None,
        )
        return [self.make(row, found) for row, found in zip(rows, references, strict=True)]

    def make(self, row: Row, reference: Any) -> Prompt:
        refuse_media(row.columns, row.where)
        messages = as_messages(self.columns.prompt_of(row), row.where, self.columns.prompt)
        prompt = Prompt(
            id=self.columns.id_of(row, f"{self.stem}/{row.number}"),
            messages=self.wording.around(messages, row.where),
            reference=reference,
            task=self.task or self.columns.task_of(row),
            tools=self.columns.tools_of(row),
            metadata=self.columns.metadata_of(row, reference),
        )
        try:
            prompt.digest()
        except PromptError as error:
            raise RowError(f"{row.where}: {error}") from error
        return prompt


def _in_words(prompt: Prompt, row: Row) -> Prompt:
    """A record's prompt, whose contents may come in parts."""
    refuse_media(prompt.metadata, row.where)
    messages = tuple(
        {**one, "content": words_of(one["content"], row.where)} if "content" in one else one
        for one in prompt.messages
    )
    return replace(prompt, messages=messages)


def _reworded(prompt: Prompt, wording: Wording, source: str, task: str) -> Prompt:
    messages = wording.around(prompt.messages, source)
    return replace(prompt, messages=messages, task=task or prompt.task)


def _check_ids(prompts: Sequence[Prompt], rows: Sequence[Row]) -> None:
    places: dict[str, str] = {}
    for prompt, row in zip(prompts, rows, strict=True):
        if prompt.id in places:
            raise RowError(
                f"{row.where}: id {prompt.id!r} was used before, at {places[prompt.id]}; "
                "remove the duplicate, or set id_column to null to number the rows"
            )
        places[prompt.id] = row.where
