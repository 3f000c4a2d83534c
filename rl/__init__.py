"""The training loop: sampling, rollout, learning, weight sync, checkpoints and metrics.

Importing this package, `rl.config`, `rl.groups` or `rl.sampler` never imports torch, Ray, vLLM or
DeepSpeed, so that a command starts and checks its configuration in a moment.
"""
