"""Services that a run needs and that others run: whether each answers, and what waits for it.

The sandboxes and judges of a configuration by their addresses. Requests to one that is away wait by
themselves, as long as their own patience lasts; here that is noticed, named, and nothing new is
begun meanwhile.

Guarantees: a service that never answered a knock is left alone, as it may be behind a proxy; new
prompts are held back for a bounded time, and not at all while one of several alike is there.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from rl.config import RunConfig
from rl.knock import answers

LOOK_SECONDS: Final = 2.0
MISSED: Final = 2
"""Knocks in a row that are not answered where a service is away, and not only slow."""
HOLD_SECONDS: Final = 120.0
"""For which prompts are held back; requests are given up by then, and the run says so."""
PORTS: Final = {"http": 80, "https": 443}


class Held(Protocol):
    """What dispatches prompts: `rl.dispatch.dispatcher.Dispatcher`."""

    def pause(self, why: str) -> None:
        """Dispatch nothing until `resume`."""

    def resume(self, why: str) -> None:
        """Dispatch again, unless there is another reason not to."""


@dataclass(eq=False)
class Service:
    """One, at one address or at several that do the same."""

    what: str
    urls: tuple[str, ...]
    seen: set[str] = field(default_factory=set)
    """Addresses that have answered."""
    missed: dict[str, int] = field(default_factory=dict)
    """Of them, knocks in a row that were not answered."""
    away: dict[str, float] = field(default_factory=dict)
    """Of them, those that do not answer now, and since when."""

    @property
    def is_away(self) -> bool:
        """Whether no address of it answers that did."""
        return bool(self.away) and len(self.away) == len(self.seen)


def services_of(config: RunConfig) -> list[Service]:
    """Those of a configuration, each once."""
    reward, found = config.reward, dict[tuple[str, ...], Service]()
    grading = [reward.options, *(one.options for one in reward.routes.values())]
    grading += [one.options for one in reward.terms.values()]
    asked: list[tuple[Mapping[str, Any], tuple[str, ...]]]
    asked = [(options, ("sandbox", "url")) for options in grading]
    if config.env is not None:
        asked.append((config.env.options, ("sandbox",)))
    for options, keys in asked:
        for what, urls in _named(options, keys):
            found.setdefault(urls, Service(what, urls))
    return list(found.values())


class Services:
    """Looks at services while a run lasts.

    Args:
        services: of `services_of`.
        dispatcher: what dispatches now.
        say: told who is away and who is back.
    """

    def __init__(
        self,
        services: Sequence[Service],
        dispatcher: Callable[[], Held],
        say: Callable[[str], None],
    ) -> None:
        self._services = services
        self._dispatcher = dispatcher
        self._say = say
        self._looked = 0.0

    def waits_for(self) -> Iterator[str]:
        """Those that are away, with the seconds."""
        for service in self._services:
            for url, since in list(service.away.items()):
                yield f"{service.what} at {url}, away for {self._looked - since:.0f} s"

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            self._looked = asyncio.get_running_loop().time()
            await asyncio.gather(*(self._look(service) for service in self._services))
            for service in self._services:
                self._hold(service)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, service: Service) -> None:
        here = await asyncio.gather(*(answers(*_address(url)) for url in service.urls))
        for url, answered in zip(service.urls, here, strict=True):
            if answered:
                service.seen.add(url)
                service.missed[url] = 0
                if service.away.pop(url, None) is not None:
                    self._say(f"{service.what} at {url} is back")
                continue
            service.missed[url] = service.missed.get(url, 0) + 1
            if url in service.seen and url not in service.away and service.missed[url] >= MISSED:
                service.away[url] = self._looked
                waiting = "what needs it waits" if service.is_away else "the others are asked"
                self._say(f"{service.what} at {url} does not answer: {waiting}")

    def _hold(self, service: Service) -> None:
        dispatcher, why = self._dispatcher(), f"{service.what} at {', '.join(service.urls)}"
        if service.is_away and self._looked - max(service.away.values()) < HOLD_SECONDS:
            dispatcher.pause(why)
        else:
            dispatcher.resume(why)


def _named(
    options: Mapping[str, Any], keys: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Addresses among options, and what is there."""
    for key in keys:
        value = options.get(key)
        several = [value] if isinstance(value, str) else value
        if isinstance(several, list | tuple) and all(_is_url(one) for one in several) and several:
            what = "the sandbox" if key == "sandbox" else "the judge"
            yield what, tuple(dict.fromkeys(str(one).rstrip("/") for one in several))


def _is_url(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # of a port that is none
        return False


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or PORTS[parts.scheme]
