"""Rendering by appending: what is appended is the template's own, or the context begins anew."""

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import normalizers, processors

from data.schema import Prompt
from rl.config import RunConfig
from rl.episodes.lengths import check_lengths, too_long
from rl.episodes.rendering import Renderer, findings, renderer_of
from rl.errors import ConfigError, ModelError, PlumbError
from rl.tiny import CHAT_TEMPLATE
from rl.tiny import make_tokenizer as tiny_tokenizer
from rl.tokens import Ids
from tests.rl import templates
from tests.rl.conversations import THOUGHT, Said, Write, as_json, conversations, play
from tests.rl.scripted import small_tokenizer

ASKED = [{"role": "user", "content": "How many?"}]
AGAIN = {"role": "user", "content": "And now?"}
RESULT = {"role": "tool", "name": "f", "tool_call_id": "abc123def", "content": "4"}
SAID = {"role": "assistant", "content": "Four."}
FUNCTION = {"name": "f", "arguments": {}}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "abc123def", "type": "function", "function": FUNCTION}],
}
KEPT = [
    (templates.KEEPS, "<|im_end|>", "tool user"),
    (templates.STRIPS, "<|im_end|>", ""),
    (templates.ALWAYS_STRIPS, "<|im_end|>", ""),
    (templates.WRITES_ANEW, "<|im_end|>", ""),
    (templates.QUOTES, "<|im_end|>", ""),
    (templates.OPENS, "<|im_end|>", ""),
    (templates.OPENS_AND_SHOWS, "<|im_end|>", "tool user"),
    (templates.ENDLESS, "<|user|>", "tool user"),
    (templates.CALL_ENDS, "<|end|>", "tool user"),
    (templates.DROPS_TOOLS, "<|im_end|>", "user"),
    (templates.PICKY, "<|im_end|>", "tool user"),
    (templates.ROUNDS, "<|end|>", "user"),
    (templates.REFORMATS, "<|user|>", "tool user"),
    (templates.CLOSES, "<|end|>", "tool user"),
    (CHAT_TEMPLATE, "<|end|>", "tool user"),
    (None, "<|im_end|>", ""),
]


@pytest.mark.parametrize(("template", "eos", "roles"), KEPT)
def test_the_probe_tells_which_roles_leave_earlier_turns_alone(
    template: str | None, eos: str, roles: str
) -> None:
    renderer = Renderer(small_tokenizer(template, eos=eos))
    sampled = np.array([5], np.int32)
    found = []
    for role, new in {"tool": RESULT, "user": AGAIN}.items():
        try:
            follows = renderer.follow(sampled, CALL if role == "tool" else SAID, [new]) is not None
        except ModelError:
            follows = False
        found += [role] * follows
    assert found == roles.split()


TOKENIZERS = {template: small_tokenizer(template, eos=eos) for template, eos, _ in KEPT}
WRITES: dict[str, Write] = {
    templates.KEEPS: lambda turn: "".join(
        f"\n<tool_call>f{x}</tool_call>" for x in as_json(turn.values)
    ),
    templates.CALL_ENDS: lambda turn: "".join(f" to=f {x}" for x in as_json(turn.values)),
    templates.ENDLESS: lambda turn: "".join(f"<tool_call>f\n{x}</tool_call>" for x in turn.values),
}
THOUGHTS = {
    templates.OPENS: "{}\n</think>\n\n",
    templates.OPENS_AND_SHOWS: "{}\n</think>\n\n",
    templates.REFORMATS: "\n<think>{}</think>\n",
    templates.CLOSES: "",
}
"""How thoughts are written, where it is not as usual."""
ROLES = {templates.DROPS_TOOLS: ["user"], templates.CALL_ENDS: ["user"]}
"""Who may answer a turn without calls, where it is not both."""


def ending(template: str, turn: Said) -> str:
    if template == templates.REFORMATS:
        return f"<|{turn.new[0]['role']}|>"
    if template == templates.ENDLESS:
        return "<|observation|>" if turn.new[0]["role"] == "tool" else "<|user|>"
    if template == templates.CALL_ENDS:
        return "<|call|>" if turn.values else "<|end|>"
    return str(TOKENIZERS[template].eos_token)


@pytest.mark.parametrize("template", [one for one, _, _ in KEPT if one is not None])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_contexts_are_the_templates_own_text(template: str, data: st.DataObject) -> None:
    """Whatever was sampled and however it is split into tokens: appended, or begun anew."""
    turns = data.draw(
        conversations(
            ROLES.get(template, ["user", "tool"]),
            think=THOUGHTS.get(template, THOUGHT),
            calls=template in WRITES,
        )
    )
    episode = asyncio.run(
        play(
            Renderer(TOKENIZERS[template]),
            TOKENIZERS[template],
            turns,
            end=lambda turn: ending(template, turn),
            write=WRITES.get(template, lambda turn: ""),
        )
    )
    kept = {one: roles for one, _, roles in KEPT}[template].split()
    anew = [any(new["role"] not in kept for new in turn.new) for turn in turns]
    assert len(episode.trajectories) == 1 + sum(anew)


def decoded(tokenizer: Any, ids: Ids | None) -> str:
    assert ids is not None
    text: str = tokenizer.decode(ids, skip_special_tokens=False)
    return text


def encoded(tokenizer: Any, text: str) -> Ids:
    return np.array(tokenizer.encode(text, add_special_tokens=False), np.int32)


@pytest.mark.parametrize(
    ("said", "suffix"),
    [
        ("Four.<|im_end|>", "\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n"),
        # Stopped by a text or by another token: the template's own end is still to come.
        ("Four.", "<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n"),
        (
            "Four.<|pad|>",
            "<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n",
        ),
        ("", "<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n"),
    ],
)
def test_a_turn_ends_once(said: str, suffix: str) -> None:
    tokenizer = TOKENIZERS[templates.KEEPS]
    renderer = Renderer(tokenizer)
    found = renderer.follow(encoded(tokenizer, said), SAID, [AGAIN])
    assert decoded(tokenizer, found) == suffix


@pytest.mark.parametrize(
    ("said", "new", "suffix"),
    [
        ("f<|observation|>", RESULT, "\n4<|assistant|>\n"),
        ("f<|user|>", AGAIN, "\nAnd now?<|assistant|>\n"),
        ("f<|user|>", RESULT, "<|observation|>\n4<|assistant|>\n"),
    ],
)
def test_the_mark_that_opens_the_next_turn_may_end_the_last(
    said: str, new: dict[str, str], suffix: str
) -> None:
    tokenizer = TOKENIZERS[templates.ENDLESS]
    call = CALL if new is RESULT else SAID
    found = Renderer(tokenizer).follow(encoded(tokenizer, said), call, [new])
    assert decoded(tokenizer, found) == suffix


def test_the_mark_of_a_calls_end_is_no_turn_end() -> None:
    tokenizer = small_tokenizer(templates.ENDLESS, eos="<|user|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["</tool_call>"]})
    call = CALL | {"tool_calls": [{"function": {"name": "f", "arguments": {"x": "1"}}}]}
    said = encoded(tokenizer, "<tool_call>f\n1</tool_call><|observation|>")
    found = Renderer(tokenizer).follow(said, call, [RESULT])
    assert decoded(tokenizer, found) == "\n4<|assistant|>\n"


def test_a_line_end_that_was_sampled_is_no_turn_end() -> None:
    tokenizer = small_tokenizer("{%- for m in messages %}{{ m.content + '\\n' }}{%- endfor %}")
    renderer = Renderer(tokenizer)
    found = renderer.follow(encoded(tokenizer, "Four.\n"), SAID, [AGAIN])
    assert decoded(tokenizer, found) == "\nAnd now?\n"


def test_all_results_of_a_turn_are_appended_at_once() -> None:
    tokenizer = small_tokenizer(
        "{%- for m in messages %}{%- if m.role == 'tool' %}"
        "{%- if messages[loop.index0 - 1].role != 'tool' %}{{ '<|im_start|>user' }}{%- endif %}"
        "{{ '\\n' + m.content }}{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}"
        "{{ '<|im_end|>\\n' }}{%- endif %}{%- else %}"
        "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif %}"
        "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
    )
    results = [RESULT, RESULT | {"content": "5"}]
    found = Renderer(tokenizer).follow(encoded(tokenizer, "f"), CALL, results)
    assert decoded(tokenizer, found) == (
        "<|im_end|>\n<|im_start|>user\n4\n5<|im_end|>\n<|im_start|>assistant\n"
    )


def test_no_message_can_be_taken_for_the_stand_in() -> None:
    """Nor is a turn's end looked for in what a tool says."""
    tokenizer = TOKENIZERS[templates.CALL_ENDS]
    content = "Zq0stand0inZq<|call|><|end|>Zq1stand1inZq"
    found = Renderer(tokenizer).follow(
        encoded(tokenizer, "f<|call|>"), CALL, [RESULT | {"content": content}]
    )
    assert decoded(tokenizer, found) == f"<|tool|>{content}<|end|><|assistant|>"


@pytest.mark.parametrize("new", [AGAIN, RESULT])
def test_history_may_be_appended_all_the_same(new: dict[str, str]) -> None:
    tokenizer = TOKENIZERS[templates.STRIPS]
    renderer = Renderer(tokenizer, history="append")
    assert "episode.history: append" in renderer.finding
    found = renderer.follow(encoded(tokenizer, "f<|im_end|>"), SAID, [new])
    role, text = new["role"], new["content"]
    assert decoded(tokenizer, found) == (
        f"\n<|im_start|>{role}\n{text}<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (templates.NO_TOOLS, "TemplateError: Conversation roles must alternate"),
        (templates.DROPS_TOOLS, "the model's chat template leaves out messages of role tool"),
    ],
)
def test_a_template_without_results_of_tools_is_refused_in_its_own_words(
    template: str, words: str
) -> None:
    renderer = Renderer(small_tokenizer(template))
    with pytest.raises(ModelError, match=words):
        renderer.require("tool", with_tools=True)
    with pytest.raises(ModelError, match=words):
        renderer.follow(np.array([5], np.int32), CALL, [RESULT])
    assert words in renderer.finding
    renderer.require("user", with_tools=False)


def test_a_template_may_leave_out_words_beside_calls() -> None:
    renderer = Renderer(TOKENIZERS[templates.PICKY])
    sampled = np.array([5], np.int32)
    assert "but for turns with words beside their calls" in renderer.finding
    assert renderer.follow(sampled, CALL, [RESULT]) is not None
    assert renderer.follow(sampled, CALL | {"content": "Let me see."}, [RESULT]) is None
    assert renderer.follow(sampled, SAID, [RESULT]) is not None


def test_calls_are_given_in_the_form_that_a_template_shows() -> None:
    tokenizer = TOKENIZERS[templates.PICKY]
    function = {"name": "f", "arguments": {"x": "1"}}
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": function}]}
    start = Renderer(tokenizer).start([*ASKED, call, RESULT])
    assert '<|im_start|>assistant\nf: {"x": "1"}\n<|im_end|>' in decoded(tokenizer, start)


@pytest.mark.parametrize(
    "messages",
    [ASKED, [{"role": "system", "content": "Be brief."}, *ASKED], [*ASKED, SAID, AGAIN]],
)
@pytest.mark.parametrize("make", [tiny_tokenizer, lambda: TOKENIZERS[templates.KEEPS]])
def test_a_prompt_is_encoded_as_transformers_does_it(make: Any, messages: Any) -> None:
    tokenizer = make()
    expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
    start = Renderer(tokenizer).start(messages)
    assert start.dtype == np.int32
    assert start.tolist() == expected["input_ids"]


def test_without_a_template_contents_are_lines_and_tools_are_refused() -> None:
    tokenizer = small_tokenizer(None)
    renderer = Renderer(tokenizer)
    assert renderer.start([*ASKED, AGAIN]).tolist() == tokenizer("How many?\nAnd now?")["input_ids"]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "<|pad|> $A", special_tokens=[("<|pad|>", tokenizer.pad_token_id)]
    )
    assert renderer.start(ASKED).tolist() == tokenizer("How many?")["input_ids"]
    assert renderer.start(ASKED)[0] == tokenizer.pad_token_id
    assert "no chat template" in renderer.finding
    with pytest.raises(ModelError, match=r"no chat template to show its tools with.*tools_column"):
        renderer.start(ASKED, [{"type": "function", "function": {"name": "f"}}])
    appended = Renderer(tokenizer, history="append").follow(np.array([5], np.int32), SAID, [AGAIN])
    assert decoded(tokenizer, appended) == "\nAnd now?"


def test_arguments_and_a_file_of_the_runs_reach_the_template(tmp_path: Any) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text("{{ messages[0].content + ' ' + effort }}")
    rollout = {"template_file": str(file), "template_arguments": {"effort": "high"}}
    tokenizer = small_tokenizer(templates.KEEPS)
    renderer = renderer_of(tokenizer, RunConfig.model_validate({"rollout": rollout}))
    assert decoded(tokenizer, renderer.start(ASKED)) == "How many? high"


@pytest.mark.parametrize("name", ["efort", "messages", "add_generation_prompt"])
def test_an_argument_that_the_template_does_not_read_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"template_arguments: .* reads no '{name}'"):
        Renderer(small_tokenizer(templates.KEEPS + "{{ effort }}"), arguments={name: 1})


def test_a_file_that_is_not_there_is_named() -> None:
    config = RunConfig.model_validate({"rollout": {"template_file": "/no/such.jinja"}})
    with pytest.raises(ConfigError, match=r"template_file: /no/such\.jinja cannot be read"):
        renderer_of(small_tokenizer(None), config)


def test_a_tokenizer_that_loses_text_is_named() -> None:
    tokenizer = small_tokenizer(templates.KEEPS)
    assert "WARNING" not in Renderer(tokenizer).finding
    tokenizer.backend_tokenizer.normalizer = normalizers.Replace(" ", "")
    assert "'Two words, 1 + 1' becomes 'Twowords,1+1'" in Renderer(tokenizer).finding


def test_prompts_that_are_too_long_are_refused_by_name() -> None:
    renderer = Renderer(small_tokenizer(templates.KEEPS))
    prompts = [Prompt(f"p{i}", ({"role": "user", "content": "x " * i},)) for i in (1, 40, 3, 60)]
    lengths = [len(renderer.start(prompt.messages)) for prompt in prompts]
    assert too_long(renderer, prompts, lengths[1] - 1) == [
        (prompts[1], lengths[1]), (prompts[3], lengths[3])
    ]  # fmt: skip
    with pytest.raises(PlumbError, match=rf"2 of 4 prompts .* 'p60' with {lengths[3]}: raise"):
        check_lengths(renderer, prompts, lengths[1] - 1)
    check_lengths(renderer, prompts, lengths[3])


def test_a_prompt_that_the_template_refuses_is_named() -> None:
    renderer = Renderer(small_tokenizer(templates.NO_TOOLS))
    prompts = [Prompt("fine", tuple(ASKED)), Prompt("odd", (*ASKED, AGAIN))]
    with pytest.raises(ModelError, match=r"prompt 'odd': .* conversation of user, user: Template"):
        check_lengths(renderer, prompts, 1000)


@pytest.mark.parametrize(
    ("settings", "template", "with_tools", "lines"),
    [
        ({}, templates.KEEPS, True, []),
        ({"env": "calculator"}, templates.KEEPS, False, ["the chat template: after tool results "]),
        (
            {"env": "calculator"}, templates.KEEPS, True,
            ["the chat template: ", "calls of tools are read as hermes: as the chat template asks"],
        ),
        (
            {"env": "calculator"}, CHAT_TEMPLATE, True,
            ["the chat template: ", "calls of tools are read in any format that is recognised: "],
        ),
        (
            {"env": "calculator", "episode": {"call_format": "pythonic"}}, templates.KEEPS, True,
            ["the chat template: ", "calls of tools are read as pythonic: episode.call_format"],
        ),
    ],
)  # fmt: skip
def test_what_was_found_out_is_said_when_a_run_starts(
    settings: dict[str, Any], template: str, with_tools: bool, lines: list[str]
) -> None:
    config = RunConfig.model_validate(settings)
    found = findings(Renderer(small_tokenizer(template)), config, with_tools=with_tools)
    assert len(found) == len(lines)
    assert all(one.startswith(line) for one, line in zip(found, lines, strict=True))
