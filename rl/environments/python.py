"""Python in the sandbox: each call on its own, or a session that keeps its state."""

from typing import Any

from rl.environments.boxes import Boxed, shown


class Python(Boxed):
    """One tool, `python`.

    Args:
        session: Whether names stay from one call to the next. Values that can be pickled do, and
            functions, classes and imports; files do not.
        options: As of `Boxed`.
    """

    def __init__(self, session: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._session = session

    async def python(self, code: str) -> str:
        """Run Python code and read what it prints.

        Args:
            code: A program; what it prints comes back.
        """
        if not self._session:
            return shown(await self._ran(code))
        written, told = await self._carried("session.py", {"code": code})
        self._failed += bool(told.get("failed"))
        return written.strip("\n") or "[no output]"
