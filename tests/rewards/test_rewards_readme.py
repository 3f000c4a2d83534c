"""The example in the README works as it stands there."""

import re
from pathlib import Path

import yaml

from rewards import GradingPool, Rubric, Sample, Use
from rl.config import RunConfig
from rl.rewarding import rubric

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
    options, programs, several = rubrics
    assert options.main == Use("length.py:Length", {"max_words": 50})
    assert programs.main.load().name == "code"
    assert set(several.routes) == {"code", "chat"}
    assert [term.name for term in several.terms] == ["format", "overlong"]
    assert (several.correct, several.incorrect) == (1.0, -1.0)
