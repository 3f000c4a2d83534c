"""Where an engine's core runs."""

import importlib
from typing import Any

from rl.engines.engine import Engine
from rl.engines.local import LocalEngine
from rl.engines.served import ServedEngine
from rl.gc_pause import loading


async def start_engine(arguments: dict[str, Any], *, own_process: bool) -> Engine:
    """Load a model; `arguments` are those of vLLM's `AsyncEngineArgs`."""
    if own_process:
        return await ServedEngine.start(arguments)
    return await LocalEngine.start(arguments)


def import_engine(arguments: dict[str, Any], *, own_process: bool) -> None:
    """Import what such an engine would at its start, which is most of the time that this takes."""
    core = "vllm.v1.engine.async_llm" if own_process else "vllm.v1.engine.llm_engine"
    workers = (arguments["worker_cls"], arguments["worker_extension_cls"])
    modules = ["transformers.models.auto.tokenization_auto", "vllm.engine.arg_utils", core]
    modules += [str(name).rpartition(".")[0] for name in workers]
    with loading():
        for module in modules:
            importlib.import_module(module)
