"""Models as a command names them: `--model NAME=URL`, and the keys that they need.

Guarantees: one name stands for one model, over whose addresses questions are spread. A key goes to
the one host that it is meant for: where models are of several hosts, each key says whose it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from data.asking.endpoint import EndpointModel, ModelSettings
from data.errors import SourceError
from rewards.judge.settings import EndpointSettings

S = TypeVar("S", bound=EndpointSettings)


def models_of(
    named: Sequence[str], keys: Sequence[str] = (), **settings: Any
) -> list[EndpointModel]:
    """The models of `--model` options, in order; raises as `settings_of` does.

    Args:
        named: As `settings_of` takes them.
        keys: The same.
        settings: Further fields of `ModelSettings`; None: as it is by itself.
    """
    return [EndpointModel(one) for one in settings_of(ModelSettings, named, keys, **settings)]


def settings_of(
    kind: type[S],
    named: Sequence[str],
    keys: Sequence[str] = (),
    *,
    option: str = "--model",
    **settings: Any,
) -> list[S]:
    """The settings of the models that options name, in order.

    Args:
        kind: Of settings.
        named: `NAME=URL`, or `URL` of an endpoint that serves one model. A name that stands
            several times is one model at several addresses.
        keys: Names of environment variables: `VARIABLE`, or `NAME=VARIABLE` for one model.
        option: What names the models.
        settings: Further fields; None: as it is by itself.

    Raises:
        SourceError: One cannot be read, or it is not said which host a key is for.
    """
    urls: dict[str, list[str]] = {}
    for one in named:
        name, url = _parted(one, option)
        urls.setdefault(name or url, []).append(url)
    of_model = _keys(urls, keys, option)
    given = {name: value for name, value in settings.items() if value is not None}
    return [
        _settings(kind, name, places, of_model.get(name), given, option)
        for name, places in urls.items()
    ]


def keys_of(named: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Of `--key-env` options those that are for some of these models."""
    names = {name or url for name, url in (_parted(one, "--model") for one in named)}
    return [key for key in keys if "=" not in key or key.rpartition("=")[0] in names]


def _parted(text: str, option: str) -> tuple[str, str]:
    """The name, which may be missing, and the address."""
    for scheme in ("http://", "https://"):
        name, equals, rest = text.partition(f"={scheme}")
        if text.startswith(scheme):
            name, rest = "", text.removeprefix(scheme)
        elif not (equals and name):
            continue
        if address := rest.rstrip("/"):
            return name, scheme + address
    raise SourceError(
        f"{option} {text}: has no address; write NAME=URL, such as "
        "qwen3-32b=http://localhost:8000/v1"
    )


def _keys(urls: Mapping[str, Sequence[str]], keys: Sequence[str], option: str) -> dict[str, str]:
    """The environment variable of each model that has one."""
    found: dict[str, str] = {}
    for key in keys:
        name, equals, variable = key.rpartition("=")
        if not equals:
            hosts = {urlsplit(url).netloc for places in urls.values() for url in places}
            if len(hosts) > 1:
                raise SourceError(
                    f"--key-env {key}: would be sent to {len(hosts)} hosts; say whose it is: "
                    f"--key-env {next(iter(urls))}={key}"
                )
            found |= dict.fromkeys(urls, variable)
        elif name in urls:
            found[name] = variable
        else:
            raise SourceError(
                f"--key-env {key}: there is no {option} {name}=...; there is {', '.join(urls)}"
            )
    return found


def _settings(
    kind: type[S],
    name: str,
    urls: Sequence[str],
    key: str | None,
    settings: Mapping[str, Any],
    option: str,
) -> S:
    is_named = name not in urls
    try:
        return kind(url=tuple(urls), model=name if is_named else None, api_key_env=key, **settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "settings"
        message = first["msg"].removeprefix("Value error, ")
        if isinstance(first["input"], int | float):
            message += f" (got {first['input']})"
        raise SourceError(f"{option} {name}: {field}: {message}") from error
