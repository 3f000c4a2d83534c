"""A shell in a working directory of the sandbox, with files from the data and checks at the end.

A row's `files`, text by path, are there at the start. Where its reference is `{"check": [...]}`,
commands, the episode is right if each of them ends with 0 in the final directory; `files` of the
reference (tests, say) are put there first, over what has their names. Checks run in a sandbox of
their own, after the policy's last command has gone, and it never sees them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rl.environments.boxes import Boxed
from rl.errors import ConfigError


class Shell(Boxed):
    """One tool, `shell`."""

    def reset(self, prompt: Any) -> None:
        """Take the row's files, and what is checked.

        Raises:
            ConfigError: They are none.
        """
        where = f"prompt {prompt.id!r}"
        self._files = _files(prompt.metadata.get("files"), f"{where}: files")
        reference = prompt.reference if isinstance(prompt.reference, Mapping) else {}
        check = reference.get("check", ())
        self._checks = [check] if isinstance(check, str) else check
        if not isinstance(self._checks, Sequence) or not all(
            isinstance(one, str) for one in self._checks
        ):
            raise ConfigError(f"{where}: reference.check is no list of commands: {check!r:.100}")
        self._tests = _files(reference.get("files"), f"{where}: reference.files")

    async def shell(self, command: str) -> str:
        """Run a command in the working directory; files stay from call to call.

        Args:
            command: For `sh`.
        """
        written, told = await self._command(command, self._files, keep=True)
        if not told:
            return written
        self._files = {}
        code = told["code"]
        killed = f"[killed by signal {-code}]" if code < 0 else f"[exit code {code}]"
        ends = [f"[{left_out:,} more bytes are left out]"] if (left_out := told["left_out"]) else []
        ends += [killed] if code else []
        if told["is_large"]:
            kept = f"[the files take more than {self._state_kb} KiB: nothing of this is kept]"
            ends.append(kept)
        return "\n".join([*([written.rstrip()] if written.strip() else []), *ends]) or "[no output]"

    async def reward(self, messages: Sequence[Any]) -> bool | None:
        """Whether every check ends with 0; None: there is none."""
        if not self._checks:
            return None
        files = {**self._files, **self._tests}
        for check in self._checks:
            _, told = await self._command(check, files, keep=False)
            if told.get("code") != 0:
                return False
        return True

    async def _command(
        self, command: str, files: Mapping[str, str], *, keep: bool
    ) -> tuple[str, Mapping[str, Any]]:
        before = self._state
        found = await self._carried("shell.py", {"command": command, "files": files, "keep": keep})
        if not keep:
            self._state = before
        return found


def _files(given: Any, where: str) -> Mapping[str, str]:
    """Files by relative path.

    Raises:
        ConfigError: They are no such thing.
    """
    files = given or {}
    is_text = isinstance(files, Mapping) and all(
        isinstance(path, str) and isinstance(text, str) for path, text in files.items()
    )
    if not is_text or any(path.startswith("/") or ".." in path.split("/") for path in files):
        raise ConfigError(f"{where} are no texts by relative path: {given!r:.100}")
    return dict(files)
