"""The training loop: sampling, learning, weight updates, checkpoints and metrics.

Importing this package, `rl.config`, `rl.tokens`, `rl.groups`, `rl.dispatch` or `rl.episodes` never
imports torch, Ray, vLLM or DeepSpeed, so that a command starts and checks its configuration in a
moment.
"""
