"""Jobs by Ray's job service: asking it, following a job's log, ending a job."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from rl.errors import ClusterError, ConfigError

ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
VARIABLE: Final = "RAY_API_SERVER_ADDRESS"
"""Where the address is looked for if none is given."""
HEADERS: Final = "RAY_JOB_HEADERS"
"""A JSON object of HTTP headers, as Ray's own commands read it, such as for a proxy's token."""
_ANSWER: Final = 20.0  # seconds
_AGENT: Final = 60.0  # seconds for the head's agent, which starts jobs, to come up
_END: Final = 60.0  # seconds for a job to end once its log has, or once it was asked to
_PAUSE: Final = 1.0
_NO_AGENT: Final = (
    "the head's agent, which starts jobs, does not run; where another Ray of that machine has its "
    "port (52365), start the head with --dashboard-agent-listen-port=0"
)
_TRIES: Final = 30  # times that the log may break off without a word between


class JobError(ClusterError):
    """The job ended as it should not; `exit_code` is its own."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Ray tells of it; times are seconds since 1970."""

    id: str
    status: str
    entrypoint: str
    message: str
    began: float | None
    ended: float | None
    exit_code: int | None
    metadata: dict[str, str]

    @classmethod
    def of(cls, told: Any) -> "Job":
        """From Ray's own record."""
        return cls(
            id=told.submission_id or told.job_id or "",
            status=getattr(told.status, "value", str(told.status)),
            entrypoint=told.entrypoint,
            message=" ".join((told.message or "").partition(", last available logs")[0].split()),
            began=told.start_time / 1000 if told.start_time else None,
            ended=told.end_time / 1000 if told.end_time else None,
            exit_code=told.driver_exit_code,
            metadata=dict(told.metadata or {}),
        )


def address_of(given: str | None) -> str:
    """The job service's URL: what is given, else RAY_API_SERVER_ADDRESS.

    Raises:
        ConfigError: there is none, or it is no URL of that kind.
    """
    address = given or os.environ.get(VARIABLE, "")
    if not address:
        raise ConfigError(
            f"where is the cluster? give --address http://HEAD:8265, or set {VARIABLE}"
        )
    if not _is_url(address):
        raise ConfigError(
            f"--address {address}: give the URL of Ray's dashboard, such as http://HEAD:8265"
        )
    return address.rstrip("/")


def _is_url(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no IPv6 address, or no port
        return False


class Service:
    """Ray's job service.

    Args:
        address: its URL.

    Raises:
        ClusterError: nothing there answers as Ray does.
        ConfigError: the headers are no JSON object.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        headers = _headers()
        self.ray_version = _version(address, headers)
        from ray.job_submission import JobSubmissionClient

        # Of each package that it sends it says so, on standard error.
        for name in ("dashboard.modules.dashboard_sdk", "_private.runtime_env.packaging"):
            logging.getLogger(f"ray.{name}").setLevel(logging.WARNING)
        with _without_addresses():
            self._client = JobSubmissionClient(address, headers=headers)

    def submit(self, entrypoint: str, **more: Any) -> str:
        """Start a job; returns its id. The agent of a head that has just started is waited for."""
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

        tries = Retrying(
            retry=retry_if_exception(_lacks_agent),
            stop=stop_after_delay(_AGENT),
            wait=wait_fixed(_PAUSE),
            reraise=True,
        )
        with self._asking("submit"):
            return str(tries(self._client.submit_job, entrypoint=entrypoint, **more))

    def job(self, id: str) -> Job:
        """What is known of a job; raises ConfigError where there is none of that id."""
        with self._asking("tell of a job", id):
            return Job.of(self._client.get_job_info(id))

    def jobs(self) -> list[Job]:
        """All jobs that were submitted, the newest first."""
        with self._asking("list its jobs"):
            found = [Job.of(one) for one in self._client.list_jobs() if one.submission_id]
        return sorted(found, key=lambda job: job.began or 0, reverse=True)

    def stop(self, id: str) -> bool:
        """Ask a job to end, as SIGTERM would; whether it was running."""
        with self._asking("stop a job", id):
            return bool(self._client.stop_job(id))

    def follow(self, id: str, say: Callable[[str], None]) -> Job:
        """Give a job's log as it comes; returns when the job has ended.

        Where the connection breaks off it is made anew, and nothing is said twice.
        """
        return asyncio.run(self._follow(id, say))

    def ended(self, id: str, seconds: float = _END) -> Job:
        """Wait for the end of a job whose log has ended; raises ClusterError if it does not."""
        return asyncio.run(self._ended(id, seconds))

    async def _follow(self, id: str, say: Callable[[str], None]) -> Job:
        said = silent = 0
        while True:
            before = said
            try:
                read = 0
                async for piece in self._client.tail_job_logs(id):
                    read += len(piece)
                    if read > said:
                        say(piece[len(piece) - (read - said) :])
                        said = read
            except (RuntimeError, OSError) as error:
                silent = 0 if said > before else silent + 1
                if silent >= _TRIES:
                    raise ClusterError(
                        f"the log of {id} breaks off: {_line(error)}; the job may go on: plumb "
                        f"jobs {id} --follow --address {self.address}"
                    ) from error
                await asyncio.sleep(_PAUSE)
                continue
            job = await asyncio.to_thread(self.job, id)
            if job.status in ENDED:
                return job
            if said == before:
                await asyncio.sleep(_PAUSE)  # it waits for its place, or has just ended

    async def _ended(self, id: str, seconds: float) -> Job:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            job = await asyncio.to_thread(self.job, id)
            if job.status in ENDED:
                return job
            if asyncio.get_running_loop().time() > end:
                raise ClusterError(f"{id} has not ended within {seconds:g} s: it is {job.status}")
            await asyncio.sleep(_PAUSE)

    @contextmanager
    def _asking(self, what: str, id: str = "") -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError) as error:
            if id and ("404" in str(error) or "does not exist" in str(error)):
                raise ConfigError(
                    f"there is no job {id} at {self.address}; plumb jobs lists them"
                ) from error
            reason = _NO_AGENT if _lacks_agent(error) else _line(error)
            raise ClusterError(f"{self.address} does not {what}: {reason}") from error


def exit_code_of(job: Job) -> int:
    """What the command that followed a job ends with; of a signal as a shell has it."""
    if job.status == "SUCCEEDED":
        return 0
    if job.status == "STOPPED":
        return 143
    code = job.exit_code or 1
    return code if code > 0 else 128 - code


def _lacks_agent(error: BaseException) -> bool:
    return "No available agent" in str(error)


def _headers() -> dict[str, str]:
    text = os.environ.get(HEADERS, "")
    try:
        headers = json.loads(text) if text else {}
    except ValueError as error:
        raise ConfigError(f"{HEADERS} is no JSON object: {error}") from error
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise ConfigError(f"{HEADERS} is no JSON object of texts")
    return headers


def _version(address: str, headers: dict[str, str]) -> str:
    """Ray's version there; a client of Ray's would wait for an answer for ever."""
    import httpx

    try:
        answer = httpx.get(f"{address}/api/version", headers=headers, timeout=_ANSWER)
        version = answer.json()["ray_version"] if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ClusterError(
            f"{address} does not answer: {_line(error)}; is it the URL of the head's dashboard "
            "(port 8265), and reached from here?"
        ) from error
    except (ValueError, KeyError, TypeError):
        version = None
    if version is None:
        raise ClusterError(
            f"{address} answers {answer.status_code}, not as Ray's job service does: give the URL "
            "of the head's dashboard (port 8265)"
        )
    return str(version)


@contextmanager
def _without_addresses() -> Iterator[None]:
    """Ray's client would follow these variables instead of the address that it is given."""
    names: Sequence[str] = (VARIABLE, "RAY_ADDRESS")
    held = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(held)


def _line(error: BaseException) -> str:
    """A line for people; of a traceback from Ray's side its last one."""
    text = str(error).strip()
    if "Traceback (most recent call last)" in text:
        lines = text.splitlines()
        named = [line for line in lines if "Error: " in line or "Exception" in line]
        text = (named or lines)[-1]
    return f"{type(error).__name__}: {' '.join(text.split())[:300]}"
