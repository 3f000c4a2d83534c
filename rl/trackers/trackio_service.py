"""A run of trackio: in its local database, or in a Space of the Hugging Face hub.

trackio calls the cells of a table Markdown, so what a policy wrote is escaped.
"""

import html
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rl.trackers.service import Ending, Opening, Point, Table

TRUE = frozenset({"1", "ON", "TRUE", "YES"})
"""What the hub's own library takes for yes."""
SPACE: Final = "TRACKIO_SPACE_ID"
SERVER: Final = "TRACKIO_SERVER_URL"


class TrackioService:
    """See `rl.trackers.service.Service`."""

    def __init__(self, opening: Opening) -> None:
        import trackio

        settings = opening.settings
        self._opening = opening
        self._trackio = trackio
        self._name = opening.run or f"{opening.name}-{opening.id}"
        self._asked = self._space = settings["space"] or os.environ.get(SPACE) or None
        self._project = settings["project"]
        self._why = ""
        if self._space and os.environ.get("HF_HUB_OFFLINE", "").upper() in TRUE:
            self._space, self._why = None, " (HF_HUB_OFFLINE)"
        with _without(SPACE):  # trackio takes it for a Space that all may see
            self._run: Any = trackio.init(
                self._project,
                name=self._name,
                space_id=self._space,
                private=settings["private"] if self._space else None,
                config=dict(opening.config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    @property
    def run(self) -> str:
        """Its name, which is unique."""
        return self._name

    @property
    def where(self) -> str:
        """Its project and name."""
        server = os.environ.get(SERVER, "").partition("?")[0]  # a token may follow
        place = f"Space {self._space}" if self._space else server or f"this machine{self._why}"
        return f"run {self._name} of project {self._project!r} on {place}"

    @property
    def later(self) -> str | None:
        """What sends a local project to the Space that is asked for."""
        asked = self._asked
        if self._space or not asked:
            return None
        command = str(Path(sys.executable).with_name("trackio"))
        return shlex.join([command, "sync", "--project", self._project, "--space-id", asked])

    @property
    def at_once(self) -> int:
        """trackio does not know a row again."""
        return 1

    def send(self, points: Sequence[Point]) -> None:
        """A row a step."""
        for point in points:
            self._run.log(dict(point.values), step=point.step)

    def samples(self, step: int, table: Table) -> None:
        """A table."""
        self._run.log({"samples": self._table(table)}, step=step)

    def again(self, steps: Sequence[int]) -> None:
        """Shown as a number of the last of them."""
        self._run.log({"steps_trained_again": len(steps)}, step=steps[-1])

    def report(self, path: Path) -> None:
        """An artifact of type report."""
        self._run.log_artifact(str(path), name=f"report-{self._name}", type="report")

    def close(self, ending: Ending) -> None:
        """Flush; trackio has no word for how a run ended."""
        self._trackio.finish()

    def _table(self, table: Table) -> Any:
        rows = [
            [escaped(one) if isinstance(one, str) else one for one in row] for row in table.rows
        ]
        return self._trackio.Table(columns=list(table.columns), data=rows)


@contextmanager
def _without(variable: str) -> Iterator[None]:
    value = os.environ.pop(variable, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[variable] = value


def escaped(text: str) -> str:
    """Text that is neither HTML nor an image of Markdown, nor a link that hides where it leads."""
    return html.escape(text, quote=False).replace("[", "&#91;")  # a backslash could be escaped
