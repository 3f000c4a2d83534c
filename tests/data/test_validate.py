"""Gold answers against themselves: which references no answer could win."""

import json
from pathlib import Path

import pytest

from data.errors import PromptError
from data.schema import Prompt
from data.sources import load_prompts
from data.validate import BATCH, Miss, misses, places
from rewards import GradingPool

LENGTHS = """
from rewards import Sample


def short(sample: Sample, level: str = "") -> bool:
    return len(sample.response) < 4 and level != "hard"
"""


async def found_in(prompts: list[Prompt], verifier: str, *, boxed: bool) -> list[Miss]:
    found: list[Miss] = []
    seen = 0
    async with GradingPool(verifier, workers=1, deadline=120) as pool:
        async for done, batch in misses(pool, prompts, boxed=boxed):
            assert seen < done <= len(prompts)
            seen = done
            found += batch
    assert seen == len(prompts)
    return found


def prompt(i: int, reference: object) -> Prompt:
    return Prompt(f"p{i}", ({"role": "user", "content": f"{i}?"},), reference)


async def test_each_reference_is_its_own_answer_across_batches() -> None:
    prompts = [prompt(i, str(i)) for i in range(BATCH + 50)]
    prompts[3] = prompt(3, "}{")  # closes the box around it
    prompts[BATCH + 7] = prompt(BATCH + 7, {"a": "1"})
    found = await found_in(prompts, "math", boxed=True)
    assert [(miss.index, miss.prompt.id) for miss in found] == [(3, "p3"), (1_031, "p1031")]
    assert [miss.verdict.is_correct for miss in found] == [False, False]


async def test_a_text_without_an_answer_is_a_miss_though_it_equals_itself() -> None:
    readable = ['["4", "5"]', "['4']", '"4"', "A) 12", "Two and two is four.\n#### 4", "α-helix"]
    damaged = ["\\boxed{4", "We add both sides and get the result.", "nan"]
    prompts = [prompt(i, one) for i, one in enumerate([*readable, ["4", "5"], 4, *damaged])]
    found = await found_in(prompts, "math", boxed=True)
    assert [miss.prompt.reference for miss in found] == damaged
    assert {str(miss.verdict.outcome) for miss in found} == {"ungradable"}
    assert all(miss.verdict.reason.startswith("reference: ") for miss in found)


async def test_a_bare_verifier_gets_no_box_and_numbers_are_answers() -> None:
    prompts = [prompt(0, 42), prompt(1, 0.5), prompt(2, "\\frac{1}{2}")]
    assert await found_in(prompts, "math-bare", boxed=False) == []


async def test_a_plugin_sees_the_columns(tmp_path: Path) -> None:
    (tmp_path / "lengths.py").write_text(LENGTHS)
    (tmp_path / "rows.jsonl").write_text(
        '{"prompt": "a?", "answer": "yes", "level": "hard"}\n\n'
        '{"prompt": "b?", "answer": "no", "level": "easy"}\n'
        '{"prompt": "c?", "answer": "perhaps", "level": "easy"}\n'
    )
    source = str(tmp_path / "rows.jsonl")
    prompts = load_prompts(source)
    found = await found_in(prompts, f"{tmp_path}/lengths.py:short", boxed=False)
    assert [miss.index for miss in found] == [0, 2]
    assert places(source, found) == [f"{source} line 1", f"{source} line 4"]


async def test_places_of_other_sources(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}?", "reference": str(i)} for i in range(5)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    prompts = load_prompts(path)
    found = await found_in([prompts[0], prompt(1, {"a": "1"})], "math", boxed=True)
    assert places(str(path), found) == [f"{path} item 2"]
    assert places("builtin:arithmetic", found) == ["builtin:arithmetic p1"]
    assert places(str(path), []) == []


async def test_prompts_without_references_cannot_be_checked() -> None:
    with pytest.raises(PromptError, match="'p0' has no reference to check; set reference_column"):
        await found_in([prompt(0, None)], "math", boxed=True)
