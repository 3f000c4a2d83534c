"""What was asked of a model: what its answers are found by, in this process or another.

Guarantees: it says who was asked, and how, and that alone identifies it: where the answers lie, and
at which address the model was, make no difference to a pipeline that reads them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from data.asking.answers import Answer, Model
from data.asking.asking import answers_in
from data.asking.store import AnswerStore
from data.errors import AnswersError
from data.pipeline.manifest import RECORDED


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of one model in a folder.

    Attributes:
        model: Its name.
        sampling: How it was asked.
        n: Answers to each question.
        wording: What else the answers depend on, such as the words around each question.
        folder: Where the answers are; not part of what identifies them.
    """

    model: str
    sampling: Mapping[str, Any]
    n: int
    wording: Mapping[str, Any]
    folder: Path = field(metadata={RECORDED: False})

    @classmethod
    def of(cls, model: Model, folder: Path, n: int = 1, **wording: Any) -> Self:
        """What is, or will be, asked of `model`, with answers in `folder`."""
        return cls(model.name, dict(model.sampling), n, wording, folder)

    @property
    def path(self) -> Path:
        """The file with the answers."""
        kept = "".join(one if one.isalnum() or one in "-_." else "_" for one in self.model)
        return self.folder / f"{kept.lstrip('.') or 'model'}.jsonl"

    def store(self) -> AnswerStore:
        """Open the file, or begin it.

        Raises:
            AnswersError: It is of another model, sampling or wording, or cannot be used.
        """
        return AnswerStore.open(self.path, self._identity())

    def answers(self, key: str) -> list[Answer]:
        """The answers to a question, which has been asked.

        Raises:
            AnswersError: It was not.
        """
        store = _opened(self.path, json.dumps(self._identity(), sort_keys=True))
        found = answers_in(store, key)
        if found is None:
            raise AnswersError(f"{self.path}: has no answer to {key!r}; run the command again")
        return found

    def _identity(self) -> dict[str, Any]:
        return {"model": self.model, "sampling": self.sampling, "n": self.n, **self.wording}


@lru_cache(maxsize=64)
def _opened(path: Path, identity: str) -> AnswerStore:
    """One open file a process."""
    return AnswerStore.open(path, json.loads(identity))
