"""From messages to token ids, by appending: what was sampled stays as it was sampled.

Guarantees: `start` gives what a served model would read. `follow` gives what comes after a sampled
turn, or says that the conversation has to begin anew, where the chat template would write the turns
before it in another way. Which of the two is found out once, by `rl.episodes.probing`, and said in
`finding`. A context that is followed is the template's own text, part by part.

A turn's end that the policy sampled is not written twice. Where its turn ended without one (it was
stopped by a text, or by another token), the suffix brings the template's; another end that it
sampled stays before it. What the template writes after the end, as Qwen's line end, is kept.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

from rewards.thinking import Opened, opened_by
from rewards.tools import format_of_template
from rl.config import RunConfig
from rl.episodes.encoding import Together
from rl.episodes.marks import Marks
from rl.episodes.parsing import chosen_format
from rl.episodes.probing import Probe, probe
from rl.episodes.suffix import Suffixes, suffix
from rl.episodes.template import ChatTemplate, RefusedError, Tools
from rl.errors import ConfigError, ModelError
from rl.tokens import Ids, Message

PROMPT_TAIL = 64  # tokens at a context's end by which it is known whether thinking is open
_LONG = 4096  # characters that take more than about a millisecond to encode
_KNOWN = 4096  # tails whose thinking is remembered

History = Literal["template", "append"]


class Renderer:
    """Renders conversations for one model.

    Args:
        tokenizer: The model's, as transformers loads it.
        arguments: What its chat template is given besides, such as `enable_thinking`.
        template: A chat template, Jinja text, instead of the model's own.
        history: What to do where the template rewrites earlier turns: `template` begins anew from
            its text, `append` lets them stand as they were.
        prefix: What the policy's turns begin with, behind what the template writes.
        modes: Renderers of prompts in reasoning modes, by name.
        where: The setting that `arguments` are of, for messages.

    Raises:
        ConfigError: The template reads no argument of such a name.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        arguments: Mapping[str, Any] | None = None,
        template: str | None = None,
        history: History = "template",
        prefix: str = "",
        modes: Mapping[str, "Renderer"] = MappingProxyType({}),
        where: str = "rollout.template_arguments",
    ) -> None:
        self._template = ChatTemplate(tokenizer, arguments or {}, template, where)
        self._prefix = prefix
        self._modes = modes
        self._history = history
        self._probes: dict[tuple[str, bool], Probe] = {}
        self._opened: dict[bytes, Opened | None] = {}
        self._bare: bool | None = None
        self._marks = Marks(self._template)
        self._suffixes = Suffixes(self._template)
        self.together = Together(self._template.encode_all)  # what many go on with
        self.call_format = format_of_template(self._template.source)
        """The format of calls that the chat template asks for; `auto`: it asks for none."""

    def of(self, mode: str) -> "Renderer":
        """The renderer of prompts in a mode; this one for those in none.

        Raises:
            ConfigError: There is no such mode, as where a prompt is of a run with others.
        """
        if mode and mode not in self._modes:
            told = f"a prompt is to be asked in mode {mode!r}, which `modes` does not have"
            raise ConfigError(told)
        return self._modes[mode] if mode else self

    @property
    def modes(self) -> Mapping[str, "Renderer"]:
        """The renderers of prompts in modes, by name."""
        return self._modes

    @property
    def shows_calls(self) -> bool:
        """Whether the chat template shows calls of tools, other than as text."""
        return self._template.shows_calls

    @property
    def finding(self) -> str:
        """What the chat template does to earlier turns, in a line for people."""
        if self._template.is_none:
            told = ["the model has no chat template: with every turn its context begins anew"]
        else:
            results, user = self._finding("tool"), self._finding("user")
            told = [f"after tool results {results}, after a message of the user {user}"]
        if self.warning:
            told.append(self.warning)
        return "; ".join(told)

    @property
    def warning(self) -> str:
        """What is wrong with the tokenizer, in a line for people; empty if nothing is."""
        lost = self._template.loses_text
        return f"WARNING: the tokenizer loses text: {lost}" if lost else ""

    def start(self, messages: Sequence[Message], tools: Tools = ()) -> Ids:
        """A whole conversation, up to where the policy speaks.

        Raises:
            RefusedError: The template refuses it, or there is none to show tools with.
        """
        return self._template.encode(self._template.text(messages, tools) + self._prefix)

    def lengths(self, asked: Sequence[tuple[Sequence[Message], Tools]]) -> list[int]:
        """Tokens of each conversation, messages and tools."""
        return self._template.lengths([self._template.text(*one) + self._prefix for one in asked])

    async def count(self, text: str) -> int:
        """Tokens of a part of what the policy said; a long one is encoded beside the event loop."""
        if len(text) > _LONG and self._template.encodes_apart:
            return len(await asyncio.to_thread(self._template.encode_more, text))
        return len(self._template.encode_more(text)) if text else 0

    def follow(
        self, sampled: Ids, call: Message, new: Sequence[Message], tools: Tools = ()
    ) -> Ids | None:
        """What to append after a turn; None: begin anew, from `start`.

        Args:
            sampled: The policy's last turn, as sampled.
            call: The same turn as a message: templates repeat the names and ids of its calls.
            new: All that answers it.
            tools: Declarations of the tools on offer.

        Raises:
            ModelError: The template cannot show such messages at all.
            RefusedError: It does not show these.
        """
        text = self._followed(call, new, tools)
        return None if text is None else self._after(sampled, self._template.encode_more(text))

    async def follow_together(
        self, sampled: Ids, call: Message, new: Sequence[Message], tools: Tools = ()
    ) -> Ids | None:
        """As `follow`, with other episodes that go on now; see `together`."""
        ids = await self.together(lambda: self._followed(call, new, tools))
        return None if ids is None else self._after(sampled, ids)

    def _followed(self, call: Message, new: Sequence[Message], tools: Tools) -> str | None:
        roles = sorted({message["role"] for message in new})
        for role in roles:
            self.require(role, with_tools=bool(tools))
        stays = all(self._probe(role, bool(tools)).after(call) for role in roles)
        if self._history == "template" and not stays:
            return None
        return self._suffixes(self.said(_named(call)), new, tools) + self._prefix

    def _after(self, sampled: Ids, ids: Ids) -> Ids:
        is_doubled = len(sampled) and len(ids) and sampled[-1] == ids[0]
        return ids[1:] if is_doubled and int(ids[0]) in self._template.added else ids

    def observed(self, message: Message, limit: int | None = None) -> Message:
        """A message that answers the policy, as it may be rendered: words, and no turns in them.

        Args:
            message: What answers it.
            limit: Tokens of its content; more are cut in the middle, which is said there.
        """
        return self._marks.observed(message, limit)

    def said(self, turn: Message) -> Message:
        """A turn of the policy as it may be rendered again; what was sampled stands for itself."""
        return self._marks.said(turn)

    def takes_bare_results(self, tools: Tools = ()) -> bool:
        """Whether a result of a tool may follow a turn in which no call was read."""
        if self._bare is None:
            turn, result = {"role": "assistant", "content": "a"}, {"role": "tool", "content": "b"}
            try:
                self._bare = bool(suffix(self._template, turn, [result], tools))
            except RefusedError:
                self._bare = False
        return self._bare

    def require(self, role: str, *, with_tools: bool) -> None:
        """Refuse to go on with a template that cannot show messages of `role`.

        Raises:
            ModelError: It cannot; with the template's own words.
        """
        if impossible := self._probe(role, with_tools).impossible:
            raise ModelError(
                f"the model cannot be answered with messages of role {role!r}: {impossible}; use a "
                "model whose chat template has them, or set rollout.template_file"
            )

    def opened(self, context: Ids) -> Opened | None:
        """Whether a context ends in an open thinking part; None: it is not known."""
        tail = context[-PROMPT_TAIL:]
        key = tail.tobytes()
        if key not in self._opened:
            if len(self._opened) >= _KNOWN:
                self._opened.clear()
            self._opened[key] = opened_by(self._template.decode(tail))
        return self._opened[key]

    def _probe(self, role: str, with_tools: bool) -> Probe:
        key = (role, with_tools)
        if key not in self._probes:
            self._probes[key] = probe(self._template, role, with_tools=with_tools)
        return self._probes[key]

    def _finding(self, role: str) -> str:
        found = self._probe(role, role == "tool")
        if found.impossible:
            return f"nothing is possible ({found.impossible})"
        if found.follows and not found.beside:
            return "the context goes on, but for turns with words beside their calls"
        if found.follows:
            return "the context goes on"
        if self._history == "append":
            return "it goes on (episode.history: append) though the template rewrites earlier turns"
        return "it begins anew, as the template rewrites earlier turns"


def _named(turn: Message) -> Message:
    """All of a turn that a suffix depends on: ids and names of its calls."""
    calls = [
        {
            **{key: call[key] for key in ("id", "type") if key in call},
            "function": {"name": call["function"]["name"], "arguments": {}},
        }
        for call in turn.get("tool_calls") or ()
    ]
    return {"role": turn["role"], "content": "", **({"tool_calls": calls} if calls else {})}


def findings(renderer: Renderer, config: RunConfig, *, with_tools: bool) -> list[str]:
    """What was found out about the model's chat template, in lines for people.

    Args:
        renderer: The model's.
        config: The run's configuration.
        with_tools: Whether tools are on offer.
    """
    if config.env is None and config.agent is None:
        return [renderer.warning] if renderer.warning else []
    told = [f"the chat template: {renderer.finding}"]
    if with_tools:
        setting = config.episode.call_format
        format = chosen_format(setting, renderer.call_format)
        why = "as the chat template asks" if setting == "template" else "episode.call_format"
        if format == "auto":
            told.append(
                "calls of tools are read in any format that is recognised: "
                + ("the chat template asks for none" if setting == "template" else why)
            )
        else:
            told.append(f"calls of tools are read as {format}: {why}")
    return told


def renderer_of(tokenizer: Any, config: RunConfig) -> Renderer:
    """The renderer of a run.

    Raises:
        ConfigError: `rollout.template_file` cannot be read, or the template reads no argument of a
            name in `rollout.template_arguments`, or in those of a mode.
    """
    rollout = config.rollout
    template = None
    if rollout.template_file is not None:
        try:
            template = rollout.template_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"rollout.template_file: {rollout.template_file} cannot be read: {error}"
            ) from error
    made = partial(Renderer, tokenizer, template=template, history=config.episode.history)
    modes = {
        name: made(
            arguments={**rollout.template_arguments, **mode.template_arguments},
            prefix=mode.prefix,
            where=f"modes.{name}.template_arguments",
        )
        for name, mode in config.modes.items()
    }
    return made(arguments=rollout.template_arguments, modes=modes)
