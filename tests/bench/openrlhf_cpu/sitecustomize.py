"""OpenRLHF 0.11.2 on hosts without a GPU: lines that name CUDA are replaced as it is loaded.

Python imports this file in every process under a PYTHONPATH with this folder: the driver, Ray's
workers, vLLM's core. Guarantees: what is not listed in `REPLACED` is OpenRLHF's own code, installed
as published; a listed text that is no longer there is an error, not a silent change.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

CURRENT = ("torch.cuda.current_device()", '"cpu"')
WAIT = ("torch.cuda.synchronize()", "None")
STREAM = ("stream=torch.cuda.current_stream()", "stream=None")
GLOO = """
    from datetime import timedelta
    from types import SimpleNamespace
    import torch.distributed as dist
    store = dist.TCPStore(master_address, master_port, world_size, rank == 0)
    group = dist.ProcessGroupGloo(store, rank, world_size, timedelta(seconds=300))
    def broadcast(tensor, src, stream):
        options = dist.BroadcastOptions()
        options.rootRank = src
        group.broadcast([tensor], options).wait()
    return SimpleNamespace(broadcast=broadcast)
"""
UNPACKED = """
import torch
import vllm.model_executor.layers.utils as _layers
def _keep(layer, remove_weight):
    layer.__dict__["cpu_linear"] = torch.nn.functional.linear
_layers.dispatch_cpu_unquantized_gemm = _keep
"""
"""Without it vLLM on a CPU repacks weights, after which none can be loaded."""
FLOAT32 = """elif param_dtype == "fp32":
        return torch.float32
    elif param_dtype == "fp16":"""
REPLACED: dict[str, Sequence[tuple[str, str]]] = {
    "openrlhf.cli.train_ppo_ray": [('["bf16", "fp16"]', '["bf16", "fp16", "fp32"]')],
    "openrlhf.utils.utils": [('elif param_dtype == "fp16":', FLOAT32)],
    "openrlhf.utils.deepspeed.deepspeed": [
        ("torch.cuda.set_device(local_rank)", "None"),
        ("deepspeed.init_distributed(timeout=timeout)",
         'from deepspeed.accelerator import set_accelerator\n'
         '        from rl.cpu_strategy import GlooAccelerator\n'
         '        set_accelerator(GlooAccelerator())\n'
         '        deepspeed.init_distributed(dist_backend="gloo", timeout=timeout)'),
        ('"cuda", (dp_size', '"cpu", (dp_size'),
        ("optim_config=optim_dict,",
         'optim_config=optim_dict and {**optim_dict, "params": {**optim_dict["params"], '
         '"torch_adam": True}},'),
        CURRENT,
    ],
    "openrlhf.utils.deepspeed.deepspeed_utils": [('"pin_memory": True', '"pin_memory": False')],
    "openrlhf.utils.distributed_util": [
        WAIT,
        ("    from vllm.distributed.device_communicators.pynccl import PyNcclCommunicator\n", GLOO),
    ],
    "openrlhf.trainer.ppo_utils.replay_buffer": [
        ('torch.device(f"cuda:{torch.cuda.current_device()}")', 'torch.device("cpu")'), CURRENT,
    ],
    "openrlhf.trainer.ray.launcher": [WAIT, CURRENT],
    "openrlhf.trainer.ray.ppo_actor": [WAIT, CURRENT, STREAM],
    "openrlhf.trainer.ray.vllm_engine": [('"dtype": "bfloat16"', '"dtype": "float32"')],
    "openrlhf.trainer.ray.vllm_worker_wrap": [
        ('device="cuda"', 'device="cpu"'), STREAM,
        ("class WorkerWrap:", UNPACKED + "class WorkerWrap:"),
    ],
}  # fmt: skip


class _Patched(importlib.machinery.SourceFileLoader):
    """Compiles a module's text with its replacements; no cached bytecode is read or written."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        text = self.get_data(path).decode()
        for old, new in REPLACED[fullname]:
            if old not in text:
                raise ImportError(f"{path} is not of OpenRLHF 0.11.2: it lacks {old!r}")
            text = text.replace(old, new)
        return compile(text, path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "openrlhf":
            from rl.learn.flash_attn_fallback import install

            install()
        spec = None
        if fullname in REPLACED:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Patched(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, _Finder())
