"""What the warm start imitates: the assistant's tokens of whole conversations, and no others."""

import pytest

from data.builtin import builtin_prompts, demonstration, endings, words
from data.schema import Prompt
from launch.train.run import demonstrate, tiny_words
from rl.config import RunConfig
from rl.modes import in_modes
from rl.tiny import make_tokenizer
from rl.warm_start import Demonstration, encoded

SOURCES = (
    "builtin:arithmetic?max=9&count=20",
    "builtin:calculations?max=30&count=40",
    "builtin:calculations?max=30&count=40&tool=python",
)


def shown(prompt: Prompt, *, mistaken: bool) -> Demonstration:
    said = demonstration(prompt, mistaken=mistaken)
    return Demonstration(prompt.messages, said, endings(prompt), prompt.task)


def test_what_is_shown_is_thought_as_its_mode_asks() -> None:
    modes = {
        "think": {"template_arguments": {"enable_thinking": True}, "checks": {"thinking": "some"}},
        "direct": {"prefix": "<think></think>", "checks": {"thinking": "none"}},
    }
    config = RunConfig.model_validate({"modes": modes, "model": {"warm_start_mistakes": 0}})
    prompts = in_modes(builtin_prompts("builtin:arithmetic?max=9&count=20"), config, seed=0)
    tokenizer = make_tokenizer(words=tiny_words(config, prompts))
    seen = set()
    for example in demonstrate(prompts, config):
        mode = "think" if example.arguments else "direct"
        tokens, labels = encoded(tokenizer, example)
        read, learned = (
            tokenizer.decode(
                [t for t, one in zip(tokens, labels, strict=True) if (one < 0) is is_read]
            )
            for is_read in (True, False)
        )
        seen.add(mode)
        assert read.endswith("<|assistant|><think>" if mode == "think" else "<think></think>")
        worked, _, answer = learned.partition("</think>")
        assert (answer or worked).startswith("\\boxed{")
        assert ("=" in worked) is (mode == "think")
    assert seen == set(modes)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("mistaken", [False, True])
def test_only_the_assistants_turns_are_learned(source: str, mistaken: bool) -> None:
    prompts = builtin_prompts(source)
    tokenizer = make_tokenizer(tools=True, words=words(prompts))
    for prompt in prompts:
        example = shown(prompt, mistaken=mistaken)
        tokens, labels = encoded(tokenizer, example)
        turns = [one["content"] for one in example.said if one["role"] == "assistant"]
        learned = [label for label in labels if label != -100]
        assert tokenizer.decode(learned) == "".join(f"{turn}<|end|>" for turn in turns)
        assert all(label in (-100, token) for token, label in zip(tokens, labels, strict=True))
        whole = tokenizer.apply_chat_template(
            [dict(one) for one in (*example.prompt, *example.said)], return_dict=True
        )
        assert tokens == list(whole["input_ids"])


def test_a_word_is_one_token_and_its_letters_stay() -> None:
    tokenizer = make_tokenizer(words=("print(", ")", ')")]'))
    for text, count in (("print(1)", 3), ("prin", 4), ('(1)")]', 3), (r"\boxed{1}", 3)):
        ids = tokenizer(text)["input_ids"]
        assert len(ids) == count
        assert tokenizer.decode(ids) == text
    assert tokenizer.get_vocab().keys() > make_tokenizer().get_vocab().keys()


def test_a_share_of_demonstrations_has_a_mistake() -> None:
    prompts = builtin_prompts("builtin:calculations?min=10&max=99&count=2000")
    examples = demonstrate(prompts, RunConfig())
    assert len(examples) == 2 * len(prompts)
    wrong = sum(one.said[-1]["content"] != one.right[-1] for one in examples)
    assert 0.55 < wrong / len(examples) < 0.65
