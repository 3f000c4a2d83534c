"""Where an engine's core runs."""

from typing import Any

from rl.engines.engine import Engine
from rl.engines.local import LocalEngine
from rl.engines.served import ServedEngine


async def start_engine(arguments: dict[str, Any], *, own_process: bool) -> Engine:
    """Load a model; `arguments` are those of vLLM's `AsyncEngineArgs`."""
    if own_process:
        return await ServedEngine.start(arguments)
    return await LocalEngine.start(arguments)
