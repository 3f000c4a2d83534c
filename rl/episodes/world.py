"""What makes a user's environments, and the resources that all of them share.

A class may have `start` and `aclose`, class methods, plain or async: they are awaited once before
the first episode and once after the last. `start` is given those options that it takes by name.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from rl.episodes.threads import called
from rl.errors import ConfigError, PlumbError

SECONDS: Final = 600.0  # that `start` and `aclose` may take


class Environments:
    """Makes environments of a class.

    Args:
        kind: the class.
        options: what it is made with.

    Attributes:
        roles: of the messages that its environments answer with.
        tools: declarations of what the policy may call.
        takes_rows: whether the tools of a prompt's row can be called too.
    """

    def __init__(self, kind: type, options: Mapping[str, Any]) -> None:
        self.kind = kind
        self.options = dict(options)
        self.roles: tuple[str, ...] = tuple(getattr(kind, "roles", ()))
        self.tools: tuple[Mapping[str, Any], ...] = ()
        self.takes_rows = False
        self._is_started = False

    def __call__(self) -> Any:
        """The environment of an episode."""
        return self.kind(**self.options)

    async def start(self) -> None:
        """Begin what all environments share.

        Raises:
            ConfigError: The class's own `start` failed.
        """
        self._is_started = True
        begin = self._of_class("start")
        if begin is None:
            return
        known = inspect.signature(begin).parameters
        every = any(one.kind is one.VAR_KEYWORD for one in known.values())
        options = {key: value for key, value in self.options.items() if every or key in known}
        try:
            await called(begin, SECONDS, named=options)
        except PlumbError:
            raise
        except Exception as error:
            line = " ".join(str(error).split())
            raise ConfigError(
                f"env: {self.kind.__name__}.start failed: {type(error).__name__}: {line}"
            ) from error

    async def aclose(self) -> None:
        """End it; nothing where it was not begun."""
        end = self._of_class("aclose")
        if self._is_started and end is not None:
            await called(end, SECONDS)
        self._is_started = False

    def _of_class(self, name: str) -> Callable[..., Any] | None:
        method = getattr(self.kind, name, None)
        if method is None:
            return None
        if not isinstance(inspect.getattr_static(self.kind, name), classmethod | staticmethod):
            raise ConfigError(
                f"env: {self.kind.__name__}.{name} is for what all episodes share: make it a "
                "@classmethod (what is one episode's own begins in `reset` and ends in `close`)"
            )
        return method  # type: ignore[no-any-return]
