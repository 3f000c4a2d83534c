"""The README's plugin, taken from the README: it trains a model on another task by config alone."""

import json
import re

import pytest

from tests.launch.conftest import REPOSITORY, Plumb

README = (REPOSITORY / "README.md").read_text()


def block(language: str, first_words: str) -> str:
    """The README's code block that begins with these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return next(text for text in blocks if text.startswith(first_words))


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_readmes_plugin_trains_a_model(plumb: Plumb) -> None:
    (plumb.folder / "palindrome.py").write_text(block("python", "from rewards"))
    (plumb.folder / "palindrome.yaml").write_text(block("yaml", "model:"))
    row = json.loads(re.findall(r'`(\{"prompt".*?\})`', README)[0])
    rows = [json.dumps(row | {"prompt": f"{row['prompt']} {i}"}) for i in range(64)]
    (plumb.folder / "words.jsonl").write_text("\n".join(rows))
    done = plumb.run("palindrome.yaml", timeout=900)
    assert done.returncode == 0, done.stderr
    lines = (plumb.folder / "runs/palindrome/metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    assert len(steps) == 28
    assert max(row["accuracy"] for row in steps[:5]) < 0.1
    assert min(row["accuracy"] for row in steps[-5:]) > 0.5
