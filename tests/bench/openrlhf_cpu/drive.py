"""OpenRLHF's command on a local Ray cluster that claims GPUs enough for its engines and actors.

Arguments are those of `openrlhf.cli.train_ppo_ray`.
"""

import os
import runpy

import ray

if __name__ == "__main__":
    os.environ.setdefault("RAY_worker_niceness", "0")
    ray.init(address="local", num_cpus=16, num_gpus=16, include_dashboard=False)
    runpy.run_module("openrlhf.cli.train_ppo_ray", run_name="__main__")
