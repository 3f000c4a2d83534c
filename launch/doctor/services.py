"""Checks of what a run talks to: the sandbox's backends, judges, the Hugging Face hub."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from launch.doctor.findings import Check, Finding
from rl.config import RunConfig

HUB: Final = "https://huggingface.co"
_ANSWER: Final = 8.0  # seconds
_BOX: Final = 60.0


def service_checks(config: RunConfig | None) -> list[Check]:
    """The sandbox and the hub, and the judges that a config names."""
    checks = [
        Check("sandbox docker", lambda: backend("docker"), _BOX),
        Check("sandbox bubblewrap", lambda: backend("bubblewrap"), _BOX),
        Check("Hugging Face", hub),
    ]
    for url, key in judges(config).items():
        subject = f"judge {_shown(url)}"
        checks.append(Check(subject, lambda url=url, key=key: [judge(url, key)]))  # type: ignore[misc]
    return checks


def backend(kind: Any) -> list[Finding]:
    """Whether programs can be run in it, by starting a box."""
    from sandbox.doctor import examine

    found = asyncio.run(examine(kind))
    lacking = [f"{one.subject}: {one.detail}" for one in found.findings if one.state == "missing"]
    weak = [one.subject for one in found.findings if one.state == "weak"]
    subject = f"sandbox {kind}"
    if lacking:
        remedy = "needed where programs of a model are run; plumb sandbox doctor says more"
        return [Finding(subject, "warning", "; ".join(lacking)[:300], remedy)]
    if weak:
        return [Finding(subject, "ok", f"isolates, without {', '.join(weak)}")]
    return [Finding(subject, "ok", "isolates programs")]


def judges(config: RunConfig | None) -> dict[str, str | None]:
    """URLs of judges, with the variable that holds the key of each."""
    if config is None:
        return {}
    reward = config.reward
    options = [reward.options, *(one.options for one in reward.routes.values())]
    options += [one.options for one in reward.terms.values()]
    found: dict[str, str | None] = {}
    for one in options:
        urls = one.get("url") or one.get("urls") or ()
        for url in urls if isinstance(urls, list | tuple) else [urls]:
            found[str(url).rstrip("/")] = one.get("api_key_env")
    return found


def judge(url: str, key_env: str | None) -> Finding:
    """Whether an endpoint lists its models."""
    import httpx

    subject, headers = f"judge {_shown(url)}", {}
    if key_env:
        key = os.environ.get(key_env, "").strip()
        if not key:
            return Finding(subject, "failure", f"{key_env} is not set", f"export {key_env}=...")
        if not (key.isascii() and key.isprintable()):  # the client would say it, with the key
            told = f"{key_env} holds characters that no key has"
            return Finding(subject, "failure", told, f"export {key_env}=...")
        headers["Authorization"] = f"Bearer {key}"
    try:
        answer = httpx.get(f"{url}/models", headers=headers, timeout=_ANSWER)
        models = [str(one["id"]) for one in answer.json()["data"]] if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        told = f"{type(error).__name__}: {error}"
        return Finding(subject, "failure", told, "start it, or give its URL: http://HOST:PORT/v1")
    except (ValueError, KeyError, TypeError):
        models = None
    if models is None:
        told = f"answers {answer.status_code} to /models"
        return Finding(subject, "failure", told, "give the URL with /v1, and its key's variable")
    return Finding(subject, "ok", f"serves {', '.join(models)[:120]}")


def _shown(url: str) -> str:
    """The URL without a password."""
    scheme, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def hub(environment: Mapping[str, str] = os.environ, url: str | None = None) -> list[Finding]:
    """Whether models and data sets can be fetched, and with whose token."""
    if environment.get("HF_HUB_OFFLINE", "") not in {"", "0"}:
        return [Finding("Hugging Face", "ok", "HF_HUB_OFFLINE is set: nothing is fetched")]
    import httpx

    url = url or environment.get("HF_ENDPOINT", "").rstrip("/") or HUB
    token = _token(environment)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = "/api/whoami-v2" if token else "/api/models?limit=1"
    try:
        answer = httpx.get(f"{url}{path}", headers=headers, timeout=_ANSWER)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return [
            Finding(
                "Hugging Face", "warning", f"{_shown(url)} not reached: {type(error).__name__}",
                "name models and data by folders, or set HF_ENDPOINT to a mirror",
            )
        ]  # fmt: skip
    if token and answer.status_code == 401:
        remedy = "make a new one, or unset HF_TOKEN"
        return [Finding("Hugging Face", "failure", "reached, but it refuses the token", remedy)]
    if not answer.is_success:
        told = f"{_shown(url)} answers {answer.status_code}"
        return [Finding("Hugging Face", "warning", told, "try again, or set HF_ENDPOINT right")]
    said = "with a token" if token else "without a token: gated models need HF_TOKEN"
    return [Finding("Hugging Face", "ok", f"reached, {said}")]


def _token(environment: Mapping[str, str]) -> str:
    if given := environment.get("HF_TOKEN", "").strip():
        return given
    home = Path(environment.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    try:
        return (home / "token").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
