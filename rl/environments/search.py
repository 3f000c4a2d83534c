"""Search over a corpus on the local disk, by BM25: no network, the same answers each time.

The corpus is read and indexed once, in `start`, and shared by all episodes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from rl.environments.bm25 import Bm25, terms_of
from rl.environments.corpus import Document, load_corpus
from rl.errors import ConfigError

QUERY: Final = 1_000  # characters of a query that are looked at


class Search:
    """Two tools, `search` and `open`.

    Args:
        corpus: A .jsonl, .parquet, .txt or .md file, or a folder of them.
        text_column: Of rows; None: `text`, `contents` and the like.
        results: A search gives at most.
        snippet: Characters of a text that a search shows.
        page: Characters of a text that `open` shows at a time.
    """

    documents: ClassVar[dict[str, Document]] = {}
    index: ClassVar[tuple[list[Document], Bm25] | None] = None

    def __init__(
        self,
        corpus: str,
        text_column: str | None = None,
        results: int = 5,
        snippet: int = 240,
        page: int = 4_000,
    ) -> None:
        for name, value in (("results", results), ("snippet", snippet), ("page", page)):
            if not 1 <= value <= 1_000_000:
                raise ConfigError(f"{name} is {value}: give 1 or more")
        self._results, self._snippet, self._page = results, snippet, page
        self._searches = self._opened = self._empty = 0

    @classmethod
    def start(cls, corpus: str, text_column: str | None = None) -> None:
        """Read and index the corpus.

        Raises:
            ConfigError: It cannot be read.
        """
        cls.documents = load_corpus(Path(corpus), text_column)
        listed = list(cls.documents.values())
        cls.index = listed, Bm25(f"{one.title}\n{one.text}" for one in listed)

    @classmethod
    def aclose(cls) -> None:
        """Let it go."""
        cls.documents, cls.index = {}, None

    def search(self, query: str) -> str:
        """Search the corpus; gives ids, titles and parts of the texts that fit best.

        Args:
            query: Words to look for.
        """
        assert self.index is not None, "`start` makes it"
        self._searches += 1
        listed, index = self.index
        found = index.search(query[:QUERY], self._results)
        if not found:
            self._empty += 1
            return "nothing was found: use other words"
        wanted = {term: index.rarity(term) for term in terms_of(query[:QUERY])}
        return "\n\n".join(self._shown(listed[number], wanted) for number in found)

    def open(self, id: str, page: int = 1) -> str:
        """Read a text that a search has found.

        Args:
            id: As the search gives it.
            page: Of a long text, from 1.
        """
        document = self.documents.get(id.strip())
        if document is None:
            raise ValueError(f"there is no text with the id {id!r:.100}; search gives ids")
        pages = max(1, -(-len(document.text) // self._page))
        if not 1 <= page <= pages:
            raise ValueError(f"there is no page {page}: {document.id} has {pages}")
        self._opened += 1
        part = document.text[(page - 1) * self._page : page * self._page]
        head = f"{document.title}\n" if document.title else ""
        return f"{head}{part}" + (f"\n[page {page} of {pages}]" if pages > 1 else "")

    def metrics(self) -> dict[str, float]:
        """How often it was searched, in vain, and how many texts were opened."""
        return {"searches": self._searches, "searches_empty": self._empty, "opened": self._opened}

    def _shown(self, document: Document, wanted: Mapping[str, float]) -> str:
        """A search's line of a text, and the part of it that has most of the rarest words."""
        parts = [
            document.text[at : at + self._snippet]
            for at in range(0, min(len(document.text), 200 * self._snippet), self._snippet)
        ]
        best = max(parts, default="", key=lambda part: _weight(part, wanted))
        cut = " ".join(best.split())
        return f"[{document.id}] {document.title}".rstrip() + f"\n{cut}"


def _weight(part: str, wanted: Mapping[str, float]) -> float:
    return sum(wanted.get(term, 0.0) for term in set(terms_of(part)))
