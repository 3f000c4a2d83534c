"""What of a run is shown elsewhere: bounded tables of answers, and no secret."""

import json
import posixpath
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl.config import MlflowConfig, TrackioConfig, WandbConfig
from rl.groups import Batch
from rl.recorder import Recorder
from rl.secret_words import Scrubber, has_password, secret_values
from rl.trackers.feed import home_of
from rl.trackers.mlflow_service import MOST_METRICS, key_of
from rl.trackers.samples import COLUMNS, NUMBERS, WORDS, chosen, shortened, table_of
from rl.trackers.trackio_service import escaped
from tests.rl.test_recorder import group

ENVIRONMENT = {
    "JUDGE_API_KEY": "quite secret & <long>",
    "HF_TOKENS": "short",
    "COLOUR": "blue-blue",
}
_BODY = "\n".join(["MIIEow+/" * 8] * 9)
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{_BODY}\nab==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the key is quite secret & <long>.", "the key is (secret)."),
        ("<p>quite secret &amp; &lt;long&gt;</p>", "<p>(secret)</p>"),
        ("http://me:hunter2@host:5000/path", "http://(secret)@host:5000/path"),
        ("postgresql://:pw@db/runs", "postgresql://(secret)@db/runs"),
        ("a token hf_" + "a" * 34, "a token (secret)"),
        ("sk-" + "b" * 40 + " and gh_", "(secret) and gh_"),
        (f"see {PEM} and", "see (secret) and"),
        (json.dumps({"key": PEM}), '{"key": "(secret)"}'),
        (PEM.replace("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0F\n\n", 1), "(secret)"),
        (f"cut {PEM[:300]}", "cut (secret)"),
        ("blue-blue, short, http://host:5000/a@b", "blue-blue, short, http://host:5000/a@b"),
        ("half a \ud800 pair", "half a \ud800 pair"),
    ],
)
def test_texts_lose_their_secrets_and_nothing_else(text: str, shown: str) -> None:
    assert Scrubber(ENVIRONMENT).text(text) == shown


def test_variables_may_say_where_a_secret_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "/" + "a1B2" * 100
    environment = {"TLS_KEY": "/etc/ssl/private/key.pem", "A_TOKEN": long, "B_KEY": "/usr/bin/env"}

    def exists(path: Path) -> bool:
        if path.name == "key.pem":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    real = Path.exists
    monkeypatch.setattr(Path, "exists", exists)
    assert secret_values(environment) == {"A_TOKEN": long.encode()}


def test_settings_keep_the_names_of_variables() -> None:
    tree = {
        "judge": {"api_key_env": "JUDGE_API_KEY", "api_key": "abc", "max_tokens": 5, "token": ""},
        "options": [{"password": "x"}, "quite secret & <long>"],
    }
    assert Scrubber(ENVIRONMENT).tree(tree) == {
        "judge": {
            "api_key_env": "JUDGE_API_KEY",
            "api_key": "(secret)",
            "max_tokens": 5,
            "token": "",
        },
        "options": [{"password": "(secret)"}, "(secret)"],
    }


def test_a_password_in_an_address_is_seen() -> None:
    assert has_password("https://me:x@host") and has_password("see postgresql://u:p@h/d")
    assert not has_password("https://host:5000/@me") and not has_password("me@host:22")


@given(st.text(max_size=400), st.integers(1, 100))
def test_a_text_is_bounded_printable_and_says_what_is_cut(text: str, limit: int) -> None:
    cut = shortened(text, limit, str)
    kept, _, rest = cut.partition(" [") if len(text) > limit else (cut, "", "")
    assert all(one.isprintable() or one in "\n\t" for one in cut)
    assert len(cut) <= limit + 40
    assert bool(rest) <= (len(text) > limit)
    assert len(kept) <= limit or " [" in text


@pytest.mark.parametrize("before", [0, 50, 390])
@pytest.mark.parametrize("length", [30, 500, 5000])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(before: int, length: int) -> None:
    secret = ("s3cr3t-" * length)[:length]
    scrub = Scrubber({"A_TOKEN": secret}).text
    assert "s3cr" not in shortened("." * before + f"{secret} {secret} {secret}", 200, scrub)
    assert shortened(f"a {secret}", 200, scrub) == "a (secret)"


def test_cutting_is_linear_and_hostile_text_stays_text() -> None:
    assert shortened("x" * 5_000_000, 10, str) == "xxxxxxxxxx [4,999,990 more characters]"
    assert shortened("a\x1b[2Jb\x00\u202e\n", 50, str) == "a\ufffd[2Jb\ufffd\ufffd\n"
    assert escaped("<script>![x](http://host)") == "&lt;script&gt;!&#91;x](http://host)"
    assert "[" not in escaped("![x] \\[a](http://host)\n\n[x]: http://host/p.png")


@pytest.mark.parametrize(
    ("rewards", "count", "picked"),
    [
        ([[0, 1, 0.5], [2, 1]], 4, [1, 0, 3, 4]),
        ([[0, 1, 0.5], [2, 1]], 2, [1, 0]),
        ([[0, 1], [1, 0], [0, 1], [1, 0]], 4, [1, 0, 5, 4]),
        ([[1]], 8, [0]),
        ([[None, 1]], 2, [1, 0]),
        ([[0, 1]], 1, [1]),
        ([], 4, []),
    ],
)
def test_of_groups_evenly_the_best_and_the_worst(
    rewards: list[list[float | None]], count: int, picked: list[int]
) -> None:
    rows = [
        {"group": at, "reward": reward, "used": True}
        for at, own in enumerate(rewards)
        for reward in own
    ]
    assert chosen(rows, count) == picked


def test_groups_that_were_trained_on_come_first() -> None:
    rows = [
        {"group": number, "reward": at, "used": used}
        for number, used in ((1, False), (2, True))
        for at in range(2)
    ]
    assert chosen(rows, 4) == [3, 2]


def test_a_table_is_read_from_the_files_of_a_step(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, last_step=-1)
    for index in range(50):  # three rows each: several row groups
        recorder.ended(group(index, reference=f"r{index}"), "rejected_correct")
    recorder.trained(Batch(0, ()), {})
    recorder.close()
    path = tmp_path / "rollouts" / "step_000001.parquet"
    table = table_of(path, 64, 100, lambda text: text.replace("Be brief", "(hidden)"))
    assert table.columns == [*COLUMNS, *NUMBERS, *WORDS]
    rows: list[dict[str, Any]] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert len(rows) == 64
    assert {row["reference"] for row in rows} <= {f"r{index}" for index in range(50)}
    assert {row["prompt_id"][2:] == row["reference"][1:] for row in rows} == {True}
    assert rows[0]["prompt"] == "system: (hidden).\nuser: 3+4?"
    assert (rows[0]["reward"], rows[0]["outcome"], rows[0]["response"]) == (1.0, "correct", "7")
    assert rows[1]["reward"] is None


def test_a_server_of_the_environment_counts_where_the_settings_name_none() -> None:
    names = ("MLFLOW_TRACKING_URI", "TRACKIO_SERVER_URL", "TRACKIO_SPACE_ID", "WANDB_BASE_URL")
    variables = dict.fromkeys(names, "http://b")
    for settings, changes in (
        (MlflowConfig(uri="http://a"), False),
        (MlflowConfig(), True),
        (TrackioConfig(space="team/runs"), False),
        (TrackioConfig(), True),
        (WandbConfig(entity="team"), True),
    ):
        tree = settings.model_dump(mode="json")
        assert (home_of(tree, variables) != home_of(tree, {})) is changes, settings


def test_names_are_such_as_mlflow_takes() -> None:
    assert key_of("tasks/math:a%b/acc") == "tasks/math:a_b/acc"
    assert len(key_of("x" * 1000)) == 250 and MOST_METRICS == 1000
    assert key_of("sources//data/math.jsonl/accuracy") == "sources/_/data/math.jsonl/accuracy"


@given(st.text("/.a", max_size=12) | st.text("/.a", min_size=245, max_size=260))
def test_names_are_paths_that_lead_nowhere_else(tag: str) -> None:
    key = key_of(tag)  # what MLflow looks at
    assert posixpath.normpath(key) == key and not key.startswith(("..", "/")) and key != "."
    assert 0 < len(key) <= 250
