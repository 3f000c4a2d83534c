"""A model's chat template, applied: messages in, text and token ids out.

Guarantees: what is rendered is the template's own text, with the run's arguments; an argument that
the template does not read is refused; whatever goes wrong in a template is a `RefusedError` with
the template's own words. A model without a template gets the contents of messages, one a line.

A call of a tool is given to the template in the form that it shows: content as text or as none,
arguments as an object or as JSON text. Templates want one or the other, and some leave out, without
a word, what they are given otherwise.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from rl.errors import ConfigError, ModelError
from rl.tokens import Ids, Message

Tools = Sequence[Mapping[str, Any]]

_TAKEN: Final = frozenset(
    {
        "messages", "conversation", "tools", "documents", "chat_template", "tokenize", "padding",
        "add_generation_prompt", "continue_final_message", "truncation", "max_length",
        "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs",
    }
)  # fmt: skip
ASKED: Final[Message] = {"role": "user", "content": "q"}
_ENCODES: Final = frozenset({"encode", "_encode_plus"})
"""Methods by which a tokenizer of its own kind may do more."""
CALL_ID: Final = "abc123def"  # nine letters and digits, as Mistral's templates want them


class RefusedError(ModelError):
    """A chat template refuses a conversation."""


class CallForm(NamedTuple):
    """How a call of a tool is given to a template."""

    none: bool
    """Whether a turn without text has the content None instead of an empty text."""
    text: bool
    """Whether arguments are JSON text instead of an object."""

    def of(self, message: Message) -> Message:
        """The message in this form; only the assistant's with calls are changed."""
        calls = message.get("tool_calls")
        if message["role"] != "assistant" or not calls:
            return message
        content = message.get("content") or (None if self.none else "")
        return {**message, "content": content, "tool_calls": [self._call(call) for call in calls]}

    def _call(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        function = call["function"]
        arguments = function.get("arguments", {})
        if self.text and not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if not self.text and isinstance(arguments, str):
            arguments = _object(arguments)
        return {**call, "function": {**function, "arguments": arguments}}


_FORMS: Final = tuple(CallForm(none, text) for none in (False, True) for text in (False, True))


class ChatTemplate:
    """The chat template of a tokenizer.

    Args:
        tokenizer: Of the model, as transformers loads it.
        arguments: What the template is given beside messages and tools.
        template: Jinja text instead of the tokenizer's own; None: its own.
        where: The setting that the arguments are of, for messages.

    Raises:
        ConfigError: The template reads no argument of such a name.
    """

    def __init__(
        self,
        tokenizer: Any,
        arguments: Mapping[str, Any],
        template: str | None,
        where: str = "rollout.template_arguments",
    ) -> None:
        self._tokenizer = tokenizer
        self._arguments = dict(arguments)
        self._template = template
        self.is_none = template is None and not tokenizer.chat_template
        self._check_arguments(where)
        added = tokenizer.added_tokens_decoder
        self.added = frozenset(added) | frozenset(tokenizer.all_special_ids)
        """Ids at which a tokenizer parts text before anything else."""
        specials = {str(token) for token in tokenizer.all_special_tokens}
        self.specials = specials | {token.content for token in added.values() if token.special}
        named = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
        marks = {number: token.content for number, token in added.items()}
        marks |= {number: str(token) for number, token in named}
        marks.pop(tokenizer.unk_token_id, None)  # any text may have what it stands for
        self.marks: Mapping[int, str] = marks
        """All texts that are a token of their own wherever they stand, by its id."""
        self.normalises = getattr(tokenizer, "backend_tokenizer", None) is None or (
            tokenizer.backend_tokenizer.normalizer is not None
        )
        """Whether the tokenizer changes text before it parts it, as far as is known."""
        self._fast = _fast(tokenizer)
        form = self._find_form()
        self.shows_calls = form is not None
        """Whether calls of tools are shown at all, other than as text."""
        self._form = form or _FORMS[0]

    def text(self, messages: Sequence[Message], tools: Tools = (), *, asks: bool = True) -> str:
        """A conversation as text, up to where the policy speaks if it `asks`.

        Raises:
            RefusedError: The template refuses it, or there is none to show tools with.
        """
        shaped = [dict(self._form.of(message)) for message in messages]
        return self._apply(shaped, tools, asks)

    def encode(self, text: str) -> Ids:
        """The ids of a text that a template wrote, which has its own marks of begin and end."""
        return self._ids(text, special=self.is_none)

    def encode_more(self, text: str) -> Ids:
        """The ids of text that goes on."""
        return self._ids(text, special=False)

    def encode_all(self, texts: Sequence[str]) -> list[Ids]:
        """As `encode_more`, of each of some texts; many cost less together."""
        return self._all_ids(texts, special=False)

    def _ids(self, text: str, *, special: bool) -> Ids:
        """As `tokenizer.encode` gives them, in less time; other threads go on meanwhile."""
        return self._all_ids([text], special=special)[0]

    def _all_ids(self, texts: Sequence[str], *, special: bool) -> list[Ids]:
        if self._fast is None:
            encode = self._tokenizer.encode
            return [np.array(encode(text, add_special_tokens=special), np.int32) for text in texts]
        found = self._fast.encode_batch_fast(list(texts), add_special_tokens=special)
        return [np.array(one.ids, np.int32) for one in found]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How many tokens `encode` makes of each."""
        found = self._tokenizer(list(texts), add_special_tokens=self.is_none)["input_ids"]
        return [len(ids) for ids in found]

    def decode(self, ids: Ids) -> str:
        """The whole text of ids, special tokens too."""
        text: str = self._tokenizer.decode(
            ids.tolist(), skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return text

    @property
    def encodes_apart(self) -> bool:
        """Whether other threads may encode at the same time."""
        return self._fast is not None

    @property
    def loses_text(self) -> str:
        """What the tokenizer makes of a text that it does not give back; empty if it does."""
        before = "Two words, 1 + 1"
        after = self.decode(self.encode_more(before))
        return "" if after.strip() == before else f"{before!r} becomes {after!r}"

    def _apply(self, messages: list[dict[str, Any]], tools: Tools, asks: bool) -> str:
        if self.is_none:
            if tools:
                raise RefusedError(
                    "the model has no chat template to show its tools with; use a model that has "
                    "one, set rollout.template_file, or set data.tools_column to null"
                )
            return "\n".join(message["content"] for message in messages)
        try:
            text: str = self._tokenizer.apply_chat_template(
                messages,
                tools=[dict(tool) for tool in tools] or None,
                chat_template=self._template,
                add_generation_prompt=asks,
                tokenize=False,
                **self._arguments,
            )
        except Exception as error:  # a template raises whatever its author thought of
            roles = ", ".join(str(message.get("role")) for message in messages)
            raise RefusedError(
                f"the model's chat template refuses a conversation of {roles}: "
                f"{type(error).__name__}: {' '.join(str(error).split())}"
            ) from error
        return text

    def _find_form(self) -> CallForm | None:
        """The first form in which the template shows a call."""
        for form in _FORMS if not self.is_none else ():
            try:
                turn = dict(form.of(calling("", ["mark7in7call"])))
                text = self._apply([dict(ASKED), turn], (), asks=False)
            except RefusedError:
                continue
            if "mark7in7call" in text:
                return form
        return None

    @property
    def source(self) -> str:
        """The Jinja text; of several templates, all."""
        own = self._template or self._tokenizer.chat_template or ""
        return own if isinstance(own, str) else "\n".join(map(str, own.values()))

    def _check_arguments(self, where: str) -> None:
        for name in self._arguments:
            if name in _TAKEN or not re.search(rf"\b{re.escape(name)}\b", self.source):
                raise ConfigError(
                    f"{where}: the chat template reads no {name!r}; remove it, or correct its name"
                )


def calling(content: str, values: Sequence[str], **more: Any) -> Message:
    """An assistant's turn with a call for each value, the argument `x`."""
    calls = [
        {"id": CALL_ID, "type": "function", "function": {"name": "f", "arguments": {"x": value}}}
        for value in values
    ]
    return {"role": "assistant", "content": content, **more, "tool_calls": calls}


def _fast(tokenizer: Any) -> Any:
    """What a tokenizer encodes with, set to whole texts; None: it does more, or something else."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    owner = next((k for k in type(tokenizer).__mro__ if _ENCODES & vars(k).keys()), object)
    is_plain = owner.__module__.startswith("transformers.tokenization_utils")
    splits = getattr(tokenizer, "split_special_tokens", False)
    if not hasattr(backend, "encode_batch_fast") or not is_plain or splits:
        return None
    backend.no_truncation()
    backend.no_padding()
    texts = [" a b\n", "".join(map(str, tokenizer.all_special_tokens))]
    for special in (False, True):
        found = backend.encode_batch_fast(texts, add_special_tokens=special)
        if [one.ids for one in found] != [
            list(tokenizer.encode(text, add_special_tokens=special)) for text in texts
        ]:
            return None
    return backend


def _object(arguments: str) -> Any:
    """Arguments as the object that their JSON text says, or as they are."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return value if isinstance(value, dict) else arguments
