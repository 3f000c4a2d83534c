"""vLLM's OpenAI server as a child of this process, kept alive and ended for certain.

Guarantees: the server and all its processes end with `aclose`, and soon after this process dies,
however that happens. A server that dies is started again at the same address, `restarts` times, and
then given up. Its log is kept, and the last lines of it are in the error. Nobody without the key,
which is new each time, can use it.
"""

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from rewards.errors import InfrastructureError, PoolError
from rewards.judge.settings import ServeSettings

KEEPER: Final = Path(__file__).with_name("keeper.py")
POLL_SECONDS: Final = 0.5
END_SECONDS: Final = 15.0
PORTS: Final = (21_000, 32_000)
"""Above those of Ray's workers, below those that Linux gives to connections."""
TAIL_BYTES: Final = 16_384
TAIL_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is asked.

    Attributes:
        url: The base URL.
        key: The API key.
    """

    url: str
    key: str


class JudgeServer:
    """One server; `host` is the address that it listens at."""

    def __init__(self, settings: ServeSettings, host: str = "127.0.0.1") -> None:
        self._settings = settings
        self._host = host
        self._port = settings.port or _free_port(host)
        self._key = secrets.token_hex(16)
        self.log = settings.log or _log_path()
        self.restarted = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: str | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The keeper's process id, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self) -> Address:
        """Start it and wait until it answers.

        Raises:
            PoolError: It ended, or did not answer in time; with the last lines of its log.
        """
        self._launch()
        until = time.monotonic() + self._settings.start_deadline
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
                while not await self._is_healthy(client):
                    if (code := self._exit_code()) is not None:
                        raise PoolError(f"the judge's server {self._ended(code)}")
                    if time.monotonic() >= until:
                        raise PoolError(
                            f"the judge's server does not answer after "
                            f"{self._settings.start_deadline:g} s (serve.start_deadline): "
                            f"{self._tail()}"
                        )
                    await asyncio.sleep(POLL_SECONDS)
        except BaseException:
            await self.aclose()
            raise
        self._watch = asyncio.create_task(self._keep_alive())
        return self._address()

    def address(self) -> Address:
        """Where it is, up or being restarted.

        Raises:
            InfrastructureError: It was given up.
        """
        if self._failure is not None:
            raise InfrastructureError(self._failure)
        return self._address()

    async def aclose(self) -> None:
        """End it and everything that it started."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)

    def _address(self) -> Address:
        return Address(f"http://{self._host}:{self._port}/v1", self._key)

    def _launch(self) -> None:
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", str(KEEPER), *self._command()],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=self._environment(),
                )
        except OSError as error:
            raise PoolError(f"the judge's server cannot be started: {error}") from error

    def _command(self) -> list[str]:
        # What `vllm serve` runs. The command itself asks for a distribution called vllm, which the
        # wheel for CPU hosts is not.
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", self._settings.model, "--host", self._host, "--port"]
        command += [str(self._port)]
        if self._settings.gpus > 1 and "--tensor-parallel-size" not in self._settings.args:
            command += ["--tensor-parallel-size", str(int(self._settings.gpus))]
        if 0 < self._settings.gpus < 1 and "--gpu-memory-utilization" not in self._settings.args:
            command += ["--gpu-memory-utilization", str(self._settings.gpus)]
        return [*command, *self._settings.args]

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "VLLM_API_KEY": self._key, "VLLM_NO_USAGE_STATS": "1"}
        environment.pop("RAY_JOB_ID", None)
        if self._settings.gpus == 0:
            environment |= {
                "CUDA_VISIBLE_DEVICES": "",
                "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
                "OMP_WAIT_POLICY": "PASSIVE",
                "VLLM_CPU_KVCACHE_SPACE": str(self._settings.cache_gb),
                "VLLM_CPU_OMP_THREADS_BIND": "nobind",
                # vLLM would compile its sampler with g++ at the first request.
                "TORCH_COMPILE_DISABLE": "1",
            }
        return environment

    async def _is_healthy(self, client: httpx.AsyncClient) -> bool:
        try:
            answer = await client.get(f"http://{self._host}:{self._port}/health")
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            code = self._exit_code()
            if code is None:
                continue
            if self.restarted >= self._settings.restarts:
                self._failure = (
                    f"the judge's server was restarted {self.restarted} times and given up: it "
                    f"{self._ended(code)}"
                )
                return
            self.restarted += 1
            try:
                self._launch()
            except PoolError as error:
                self._failure = str(error)
                return

    def _exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def _ended(self, code: int) -> str:
        return f"ended with code {code}: {self._tail()}"

    def _tail(self) -> str:
        """The last lines of the log that say something, in one."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            text = ""
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        telling = [n for n, line in enumerate(lines) if "Error" in line or "error:" in line]
        kept = lines[telling[-1] :][:3] if telling else lines[-3:]
        shown = " | ".join(kept)[:TAIL_CHARACTERS] or "nothing"
        return f"its log {self.log} says: {shown}"


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # the keeper ends the server
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port(host: str) -> int:
    """One that the kernel gives to no connection while the server starts, or starts again."""
    draw = random.SystemRandom()
    for port in (*(draw.randrange(*PORTS) for _ in range(100)), 0):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    raise PoolError(f"the judge's server finds no free port at {host}: set serve.port")


def _log_path() -> Path:
    handle, name = tempfile.mkstemp(prefix="plumb-judge-", suffix=".log")
    os.close(handle)
    return Path(name)
