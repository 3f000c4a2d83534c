"""Whether a model thinks, as the chat template's argument says it.

Guarantee: what the command line says stands over a run's settings, and these over a preset's; what
is recorded of it is what was asked.
"""

from collections.abc import Callable
from typing import Any, Final

from rl.config import RunConfig

THINKS: Final = "enable_thinking"
"""The chat template's argument that switches thinking on and off."""


def wished(given: bool | None, config: RunConfig) -> bool | None:
    """What the command line says, or else the settings; None: neither does."""
    own = config.rollout.template_arguments.get(THINKS)
    return own if given is None and isinstance(own, bool) else given


def arguments_of(config: RunConfig, thinking: bool | None, mode: str = "") -> dict[str, Any]:
    """The chat template's arguments of a prompt, as the engines' renderer has them."""
    own = {} if thinking is None else {THINKS: thinking}
    of_mode = config.modes[mode].template_arguments if mode else {}
    return {**config.rollout.template_arguments, **own, **of_mode}


def with_thinking(
    config: RunConfig, thinking: bool | None, say: Callable[[str], None]
) -> RunConfig:
    """The settings with thinking switched on or off, where the chat template can.

    Raises:
        ModelError: the tokenizer cannot be loaded.
    """
    if thinking is None or config.rollout.template_arguments.get(THINKS) is thinking:
        return config
    if THINKS not in _template(config):
        how = "on" if thinking else "off"
        say(f"the chat template has no {THINKS}: thinking cannot be switched {how} by it")
        return config
    arguments = arguments_of(config, thinking)
    rollout = config.rollout.model_copy(update={"template_arguments": arguments})
    return config.model_copy(update={"rollout": rollout})


def _template(config: RunConfig) -> str:
    from rl.tokenizer import load_tokenizer

    if config.rollout.template_file is not None:
        return config.rollout.template_file.read_text("utf-8")
    own = load_tokenizer(config).chat_template or ""
    return own if isinstance(own, str) else "\n".join(map(str, own.values()))
