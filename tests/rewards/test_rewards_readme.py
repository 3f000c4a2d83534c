"""The examples in the READMEs work as they stand there."""

import re
from pathlib import Path

import pytest
import yaml

from data.sources import load_prompts
from rewards import GradingPool, Rubric, Sample, Use
from rewards.tools import match_calls
from rl.config import RewardConfig, RunConfig
from rl.rewarding import grading_pool, rubric, serving_gpus

README = Path(__file__).parents[2] / "rewards" / "README.md"


async def test_the_palindrome_plugin(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(from rewards.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "palindrome.py").write_text(source)
    texts = ["Never odd or even", "Plumb", "a"]
    async with GradingPool(f"{tmp_path}/palindrome.py:palindrome", workers=1) as pool:
        verdicts = await pool.grade([Sample(text, (), text) for text in texts])
    assert [v.outcome for v in verdicts] == ["correct", "incorrect", "incorrect"]


async def test_the_length_plugin(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(from pydantic.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "length.py").write_text(source)
    short = Rubric(Use(f"{tmp_path}/length.py:Length", {"max_words": 2}))
    async with GradingPool(short, workers=1) as pool:
        verdicts = await pool.grade([Sample(t, (), t) for t in ("a b", "a b c")])
    assert [v.outcome for v in verdicts] == ["correct", "incorrect"]


def test_the_settings_are_settings() -> None:
    """The files that they name are the reader's, so they are read but not loaded."""
    texts = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
    rubrics = [rubric(RunConfig.model_validate(yaml.safe_load(text)).reward) for text in texts]
    for one in rubrics:
        one.check()
    options, programs, mixed, several = rubrics
    assert options.main == Use("length.py:Length", {"max_words": 50})
    assert programs.main.load().name == "code"
    assert mixed.main.load().name == "tool"
    assert mixed.routes["text"].load().name == "judge"
    assert set(several.routes) == {"code", "chat"}
    assert [term.name for term in several.terms] == ["format", "overlong", "reasoning"]
    assert several.terms[-1].use.load().name == "reasoning"
    assert (several.correct, several.incorrect) == (1.0, -1.0)


@pytest.mark.parametrize("name", ["tools", "constraints", "judge"])
def test_the_settings_of_the_parts_are_settings(name: str) -> None:
    text = (README.parent / name / "README.md").read_text()
    blocks = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    whole = [block for block in blocks if "reward" in block]
    assert whole
    for block in whole:
        for use in rubric(RunConfig.model_validate(block).reward).uses():
            assert use.load()


def test_a_judge_that_the_run_places_is_one_of_settings() -> None:
    text = (README.parent / "judge" / "README.md").read_text()
    (block,) = [
        yaml.safe_load(one) for one in re.findall(r"```yaml\n(options:.*?)```", text, re.DOTALL)
    ]
    reward = RewardConfig(verifier="judge", options=block["options"])
    assert rubric(reward).main.load().name == "judge"
    assert serving_gpus(reward) == 2.0
    pool = grading_pool(reward)
    assert isinstance(pool, GradingPool)
    assert pool.limits.start_deadline > block["options"]["serve"]["start_deadline"] > 120
    assert serving_gpus(RewardConfig(verifier="math", routes={"text": {"spec": "judge"}})) == 0.0


def test_rows_of_calls_and_text_are_rows(tmp_path: Path) -> None:
    (rows,) = re.findall(r'```json\n(\{"prompt": "add.*?)```', README.read_text(), re.DOTALL)
    (tmp_path / "rows.jsonl").write_text(rows)
    call, text = load_prompts(tmp_path / "rows.jsonl")
    assert (call.task, text.task) == ("tool", "text")
    assert match_calls(call.reference, call.reference, tools=call.tools)
