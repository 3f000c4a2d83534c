"""The page of settings says what the models say."""

import re

from pydantic import BaseModel

from rl.config import RunConfig
from rl.config.reference import PAGE, VERIFIERS, page
from rl.config_fields import field_paths, section_of

ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.*?) \| (.*) \|$", re.M)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m rl.config.reference"


def test_every_setting_has_a_row_with_words() -> None:
    sections = re.split(r"^#+ (.+)\n", page(), flags=re.M)
    tables = dict(zip(sections[1::2], map(ROW.findall, sections[2::2]), strict=True))
    for path in field_paths():
        above, _, key = path.rpartition(".")
        node: type[BaseModel] = RunConfig
        for part in path.split(".")[:-1]:
            node = section_of(node.model_fields[part].annotation) or node
        if section_of(node.model_fields[key].annotation) is None and key not in NAMED:
            rows = tables[above or "Settings of a run"]
            assert key in [row[0] for row in rows], path
    for title, rows in tables.items():
        for key, value, _, words in rows:
            assert value and words, f"{title}.{key}"
    assert {f"options of {name}" for name in VERIFIERS} <= tables.keys()


NAMED = {"sources", "routes", "terms", "evaluation", "modes"}
"""Sections under names of the user's choice."""
