"""The example in the README works as it stands there."""

import re
from pathlib import Path

from rewards import GradingPool, Sample

README = Path(__file__).parents[2] / "rewards" / "README.md"


async def test_the_palindrome_plugin(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(from rewards.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "palindrome.py").write_text(source)
    texts = ["Never odd or even", "Plumb", "a"]
    async with GradingPool(f"{tmp_path}/palindrome.py:palindrome", workers=1) as pool:
        verdicts = await pool.grade([Sample(text, (), text) for text in texts])
    assert [v.outcome for v in verdicts] == ["correct", "incorrect", "incorrect"]
