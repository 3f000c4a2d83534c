"""A report shows what a run directory holds, however unfinished, and runs nothing it shows."""

import json
import math
import re
import time
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from data.schema import Prompt
from rewards import Verdict
from rl.groups import Batch, Group
from rl.recorder import Recorder
from rl.report import write_report
from rl.report_answers import ANSWER_LIMIT, read_answers
from rl.report_records import ReportError, lookup, read_history
from rl.report_turns import MESSAGE_LIMIT, TEXT_LIMIT
from rl.tokens import Episode, Segment, Span, Trajectory
from rl.turn_records import CallRecord, TurnRecord

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)><!-- {{ 7*7 }}"
)


def metric_row(step: int, **changes: Any) -> dict[str, Any]:
    return {
        "step": step,
        "time": 1_760_000_000 + 2 * step,
        "policy_version": step,
        "accuracy": 0.5,
        "reward_mean": 0.5,
        "reward_std": 0.4,
        "groups_sampled": 40,
        "groups_accepted": 30,
        "acceptance_rate": 0.75,
        "groups_carried": 0,
        "ungradable": 0,
        "response_tokens_mean": 24.5,
        "truncated": 0.01,
        "entropy": 0.3,
        "kl": 0.01,
        "grad_norm": 0.7,
        "lr": 3e-4,
        "clip_fraction": 0.02,
        "rollout_logprob_gap": 0.002,
        "seconds": {"generate": 0.8, "grade": 0.1, "learn": 0.6, "sync": 0.1, "total": 1.8},
        "tokens_per_second": 9_500.0,
        "lag_mean": 1.5,
        "lag_max": 4,
        "correction": {"k3": 1e-3, "ess": 0.97, "masked": 0.01},
        "canary_gap": 2e-6,
        "idle": {"engines": 0.1, "learner": 0.2},
        "tokens": {"sampled": 7_840, "trained": 5_880, "lost": 120},
        "turns_mean": 1.25,
        "prefix_hits": {"first": 0.5, "later": 0.9, "same_engine": 1.0},
        **changes,
    }


def answer_row(group: int, **changes: Any) -> Mapping[str, Any]:
    return {
        "step": 1,
        "prompt_id": f"arithmetic/{group}+1",
        "prompt": f"{group}+1=?",
        "response": rf"\boxed{{{group + 1}}}",
        "reference": str(group + 1),
        "outcome": "correct",
        "reward": 1.0,
        "reason": "",
        "advantage": 0.5,
        "policy_version": 0,
        "tokens": 9,
        "stop_reason": "stop",
        "group": group,
        "used": True,
        **changes,
    }


def make_run(
    folder: Path,
    rows: Iterable[Mapping[str, Any]],
    answers: Mapping[int, Iterable[Mapping[str, Any]]] | None = None,
    tail: str = "",
) -> Path:
    run = folder / "quickstart"
    (run / "rollouts").mkdir(parents=True)
    config = "sampler:\n  samples_per_prompt: 16\ntrain:\n  steps: 60\n"
    (run / "config.yaml").write_text(config, encoding="utf-8")
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (run / "metrics.jsonl").write_text(lines + tail, encoding="utf-8")
    for step, table in (answers or {}).items():
        path = run / f"rollouts/step_{step:06d}.parquet"
        parquet.write_table(pyarrow.Table.from_pylist(list(table)), path, row_group_size=64)
    return run


class Page(HTMLParser):
    """What a browser would make of a report: its text, its tags, and its embedded data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.labels: list[str] = []
        """Of the headline numbers."""
        self._inside = ""
        source = path.read_text(encoding="utf-8")
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.texts.append(data)
            self.labels += [data] if self._inside == "dt" else []

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    @property
    def charts(self) -> Any:
        return json.loads(self.scripts[0])

    def count(self, tag: str, **attributes: str) -> int:
        return sum(name == tag and attributes.items() <= found.items() for name, found in self.tags)


def finished_run(folder: Path) -> Path:
    before = {"step": 0, "time": 1_760_000_000, "policy_version": 0, "eval_accuracy": 0.38}
    training = [
        metric_row(step, accuracy=0.4 + step / 200)
        | ({"eval_accuracy": 0.5 + step / 200} if step % 10 == 0 else {})
        for step in range(1, 61)
    ]
    answers = {step: [answer_row(group) for group in range(8)] for step in (1, 30, 60)}
    return make_run(folder, [before, *training], answers)


def test_headline_numbers(tmp_path: Path) -> None:
    path = write_report(finished_run(tmp_path))
    assert path.name == "report.html"
    assert [file.name for file in path.parent.glob("*partial*")] == []
    text = Page(path).text
    assert "Held-out accuracy rose from 38.0% to 80.0% in 60 steps." in text
    assert "+42.0 points, step 0 to 60" in text
    assert "60 of 60" in text
    assert "2 min 0 s" in text
    assert "1 min 48 s in training steps" in text
    assert "38,400 in 2,400 groups, 75.0% accepted" in text
    assert "9,500" in text


def test_charts_hold_the_metrics(tmp_path: Path) -> None:
    page = Page(write_report(finished_run(tmp_path)))
    charts = page.charts
    assert charts["steps"] == list(range(61))
    assert charts["columns"]["accuracy"][:2] == [None, 0.405]
    assert charts["columns"]["eval_accuracy"][10] == 0.55
    assert charts["columns"]["eval_accuracy"][11] is None
    assert charts["columns"]["seconds.other"][5] == pytest.approx(0.2)
    assert page.count("figure") == len(charts["panels"]) == 22
    assert "Not recorded" not in page.text


def test_a_mixed_run_has_charts_of_each_task(tmp_path: Path) -> None:
    def mixed(step: int, share: float) -> dict[str, Any]:
        tasks = {name: {"accuracy": share, "reward_mean": -share} for name in ("text", "v1.tool")}
        held_out = {"text": 0.2, "v1.tool": None}
        return metric_row(step, tasks=tasks, eval_accuracy_by_task=held_out)

    page = Page(write_report(make_run(tmp_path, [mixed(1, 0.25), mixed(2, 0.75)])))
    titles = [panel["title"] for panel in page.charts["panels"]]
    assert titles[:3] == ["Accuracy", "Accuracy by task", "Reward by task"]
    columns = page.charts["columns"]
    assert columns["tasks.v1.tool.accuracy"] == columns["tasks.text.accuracy"] == [0.25, 0.75]
    assert columns["tasks.text.reward_mean"] == [-0.25, -0.75]
    assert columns["eval_accuracy_by_task.text"] == [0.2, 0.2]
    assert columns["eval_accuracy_by_task.v1.tool"] == [None, None]


def test_difficulty_is_shown_over_time_and_for_each_source(tmp_path: Path) -> None:
    def counts(easy: int, medium: int, hard: int, unknown: int = 0) -> dict[str, int]:
        return {"easy": easy, "medium": medium, "hard": hard, "unknown": unknown}

    def strata(now: dict[str, int], measured: dict[str, int]) -> dict[str, Any]:
        trained = {"now": counts(0, 4, 0), "measured": measured}
        return {"sampled": {"now": now, "measured": measured}, "trained": trained}

    unmeasured, nothing = counts(0, 0, 0, 4), counts(0, 0, 0)
    row = metric_row(
        1,
        strata=strata(counts(1, 2, 1), counts(1, 1, 1, 1)),
        strata_by_source={
            "v1.a": strata(counts(1, 3, 0), unmeasured),
            "b": strata(nothing, nothing),
        },
        sources={"v1.a": {"accuracy": 0.5}, "b": {"accuracy": 0.25}},
        trained_by_source={"v1.a": 3, "b": 1},
    )
    page = Page(write_report(make_run(tmp_path, [row])))
    titles = [panel["title"] for panel in page.charts["panels"]]
    assert [title for title in titles if "ifficulty" in title or "strata" in title] == [
        "Difficulty sampled",
        "Measured strata sampled",
        "Measured strata trained",
        "Difficulty sampled: v1.a",
    ], "what the filter lets through is medium, and what was not measured says nothing"
    columns = page.charts["columns"]
    assert columns["strata_share.all.sampled.now.medium"] == [0.5]
    assert columns["strata_share.all.trained.measured.unknown"] == [0.25]
    assert columns["strata_share.of.v1.a.sampled.now.easy"] == [0.25]
    assert columns["sources.v1.a.accuracy"] == [0.5]
    assert columns["trained_by_source.b"] == [1]
    assert {"Accuracy by source", "Groups trained by source"} <= set(titles)


def test_a_run_of_one_task_has_no_charts_by_task(tmp_path: Path) -> None:
    alone = metric_row(1, tasks={"math": {"accuracy": 0.5, "reward_mean": 0.5}})
    page = Page(write_report(make_run(tmp_path, [alone])))
    assert not any("by task" in panel["title"] for panel in page.charts["panels"])


def test_what_verifiers_measured_has_a_chart_and_stands_beside_each_answer(tmp_path: Path) -> None:
    def measured(step: int, **numbers: float) -> dict[str, Any]:
        return metric_row(step, verdicts={"seconds": 1e-5, **numbers})

    rows = [measured(1, passed=0.5), measured(2, passed=0.75)]
    run = make_run(tmp_path, rows, {1: [answer_row(0)]})
    path = run / "rollouts" / "step_000001.parquet"
    numbers = pyarrow.array(
        [[("passed", 0.625), ("seconds", 0.4375)]],
        pyarrow.map_(pyarrow.string(), pyarrow.float64()),
    )
    parquet.write_table(parquet.read_table(path).append_column("metrics", numbers), path)
    page = Page(write_report(run))
    *_, chart, last = page.charts["panels"]
    assert (chart["title"], last["title"]) == (
        "What verifiers measured: passed",
        "Where the time goes",
    )
    assert page.charts["columns"]["verdicts.passed"] == [0.5, 0.75]
    assert "passed 0.625" in page.text
    assert "0.4375" not in page.text, "how long grading took is no measurement of the answer"
    plain = Page(write_report(make_run(tmp_path / "plain", [measured(1)])))
    assert not any("verifiers" in panel["title"] for panel in plain.charts["panels"])


def evaluated(accuracy: float, **changes: Any) -> dict[str, Any]:
    ends = [accuracy - 0.1, accuracy + 0.1]
    return {"accuracy": accuracy, "interval": ends, "pass_at": {"1": accuracy}} | changes


def test_each_evaluation_set_has_a_chart(tmp_path: Path) -> None:
    def step(number: int, accuracy: float) -> dict[str, Any]:
        passed = {str(k): accuracy + k / 100 for k in (1, 2, 4, 8, 16)}
        sets = {
            "held_out": evaluated(0.4),
            "aime-v1.5": evaluated(accuracy, pass_at=passed, majority=0.6, mixed_versions=True),
            "plain": evaluated(accuracy, majority=None),
        }
        return metric_row(number, eval_accuracy=0.4, evaluations=sets)

    rows = [metric_row(1), step(2, 0.25), metric_row(3), step(4, 0.5)]
    charts = Page(write_report(make_run(tmp_path, rows))).charts
    titles = [panel["title"] for panel in charts["panels"]]
    assert titles[:4] == ["Accuracy", "Evaluation: aime-v1.5", "Evaluation: plain", "Reward"]
    held_out, several, plain = (panel["series"] for panel in charts["panels"][:3])
    columns = charts["columns"]
    assert columns[held_out[1]["low"]] == [None, 0.3, None, 0.3]
    labels = [series["label"] for series in several]
    assert labels == ["accuracy", "pass@4", "pass@8", "pass@16", "majority"]
    drawn = [columns[series["key"]][3] for series in several]
    assert drawn == pytest.approx([0.5, 0.54, 0.58, 0.66, 0.6])
    assert columns[several[0]["high"]] == pytest.approx([None, 0.35, None, 0.6])
    assert [series["label"] for series in plain] == ["accuracy"]
    captions = [panel["caption"] for panel in charts["panels"][1:3]]
    assert ["several policy versions: 2 of 2" in caption for caption in captions] == [True, False]


def test_trained_tokens_are_shown_by_their_lag(tmp_path: Path) -> None:
    def step(number: int, **tokens: int) -> dict[str, Any]:
        by_lag = {lag.removeprefix("lag"): {"tokens": n, "k3": 0.1} for lag, n in tokens.items()}
        return metric_row(number, correction={"k3": 0.1, "by_lag": by_lag})

    rows = [step(1, lag0=30, lag2=10), step(2, lag2=5, lag5=3, lag6=2), step(3)]
    charts = Page(write_report(make_run(tmp_path, rows))).charts
    by_title = {panel["title"]: panel["series"] for panel in charts["panels"]}
    shares = by_title["Trained tokens by lag"]
    assert [series["label"] for series in shares] == ["lag 0", "lag 2", "5 and more"]
    columns = [charts["columns"][series["key"]] for series in shares]
    assert columns == [[0.75, None, None], [0.25, 0.5, None], [None, 0.5, None]]
    assert [series["label"] for series in by_title["Distance by lag"]] == ["lag 0", "lag 2"]


def test_a_synchronous_run_of_one_turn_has_no_charts_of_lag_and_turns(tmp_path: Path) -> None:
    alone = {"0": {"tokens": 40, "k3": 0.0}}
    same = {"lag_mean": 0.0, "lag_max": 0, "turns_mean": 1.0, "correction": {"by_lag": alone}}
    same["tokens"] = {"sampled": 100, "trained": 40, "lost": 0}
    page = Page(write_report(make_run(tmp_path / "sync", [metric_row(1, **same)])))
    titles = {panel["title"] for panel in page.charts["panels"]}
    assert not any("lag" in title.lower() for title in titles)
    assert "Turns" not in titles
    assert "Not recorded in this run: importance weights, distance of" in page.text
    assert not {"Mean lag", "Tokens lost"} & set(page.labels)
    page = Page(write_report(make_run(tmp_path / "async", [metric_row(1), metric_row(2)])))
    assert {"Lag", "Turns"} <= {panel["title"] for panel in page.charts["panels"]}
    assert {"Mean lag", "Tokens lost"} <= set(page.labels)


def test_mean_lag_and_tokens_lost_are_those_of_the_run(tmp_path: Path) -> None:
    def step(number: int, lag: float, oldest: int, trained: int, lost: int) -> dict[str, Any]:
        tokens = {"sampled": 1_000, "trained": trained, "lost": lost}
        return metric_row(number, lag_mean=lag, lag_max=oldest, tokens=tokens)

    rows = [step(1, 0.0, 0, 100, 0), step(2, 2.0, 3, 300, 50)]
    text = Page(write_report(make_run(tmp_path, rows))).text
    assert "Mean lag 1.50 updates, of a trained token; at most 3" in text
    assert "Tokens lost 50 2.5% of those sampled" in text


def test_keys_reach_into_names_with_dots() -> None:
    row = {"a": {"b.c": {"d": 1, "e": [2, 3]}, "b": {"x": 4}}, "a.b": {"x": 5}, "p.q": 6}
    wanted = {"a.b.c.d": 1, "a.b.c.e.1": 3, "a.b.x": 5, "p.q": 6, "a.b.c": {"d": 1, "e": [2, 3]}}
    assert {key: lookup(row, key) for key in wanted} == wanted
    for absent in ("", ".", "a.", "a.b.c.e.2", "a.b.c.e.x", "p.q.r", "a.b.c.d.f", "z"):
        assert lookup(row, absent) is None


def test_the_page_needs_no_network(tmp_path: Path) -> None:
    page = Page(write_report(finished_run(tmp_path)))
    policy = next(
        attributes["content"]
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert not any(tag == "link" or "src" in attributes for tag, attributes in page.tags)
    executable = [found for tag, found in page.tags if tag == "script" and "type" not in found]
    assert len(executable) == 2
    assert all(f"'nonce-{found['nonce']}'" in policy for found in executable)


@pytest.mark.parametrize("column", ["prompt", "response", "reference", "reason", "outcome"])
def test_what_the_policy_wrote_is_only_text(tmp_path: Path, column: str) -> None:
    hostile = [answer_row(0, **{column: HOSTILE}), answer_row(1, **{column: HOSTILE * 20})]
    run = make_run(tmp_path, [metric_row(1)], {1: hostile})
    page = Page(write_report(run))
    assert len(page.scripts) == 3
    assert page.count("img") == 0
    assert HOSTILE in page.text
    assert not any("onerror" in attributes for _, attributes in page.tags)


def test_metrics_config_and_names_are_only_text(tmp_path: Path) -> None:
    run = make_run(tmp_path, [metric_row(1, **{HOSTILE: math.nan})], tail='{"step": 2, "</script>')
    (run / "config.yaml").write_text(f"system: {json.dumps(HOSTILE)}\n", encoding="utf-8")
    run = run.rename(tmp_path / "<b onclick=alert(1)>")
    page = Page(write_report(run))
    assert len(page.scripts) == 3
    assert page.count("img") == page.count("b") == 0
    assert page.text.count("document.title='owned'") == 2


def test_a_killed_run_is_reported_with_a_note(tmp_path: Path) -> None:
    run = make_run(tmp_path, [metric_row(1), metric_row(2)], tail='{"step": 3, "acc')
    page = Page(write_report(run))
    assert page.charts["steps"] == [1, 2]
    assert "The last line of metrics.jsonl is incomplete and left out" in page.text
    assert "2 of 60" in page.text
    assert "The held-out prompts have not been evaluated." in page.text
    assert "No sampled answers were recorded." in page.text


def test_a_run_before_its_first_step(tmp_path: Path) -> None:
    run = make_run(tmp_path, [{"step": 0, "time": 1.0, "policy_version": 0, "eval_accuracy": 0.4}])
    (run / "config.yaml").unlink()
    page = Page(write_report(run))
    assert "Held-out accuracy was 40.0% at step 0." in page.text
    assert [panel["title"] for panel in page.charts["panels"]] == ["Accuracy"]
    assert "Not recorded in this run: reward, acceptance rate" in page.text


def test_a_fall_is_called_one(tmp_path: Path) -> None:
    rows = [metric_row(step, eval_accuracy=value) for step, value in [(1, 0.5), (2, 0.7), (3, 0.2)]]
    text = Page(write_report(make_run(tmp_path, rows))).text
    assert "Held-out accuracy fell from 50.0% to 20.0% in 2 steps." in text
    assert "best 70.0% at step 2" in text


def test_steps_run_again_count_once(tmp_path: Path) -> None:
    first = [metric_row(step, accuracy=0.1) for step in range(1, 26)]
    again = [metric_row(step, accuracy=0.9) for step in (21, 22)]
    torn = '{"step": 26, \'a'
    run = make_run(tmp_path, first, tail=f"{torn}\n" + "\n".join(map(json.dumps, again)))
    history = read_history(run / "metrics.jsonl")
    assert [row["step"] for row in history.rows] == list(range(1, 23))
    assert history.column("accuracy")[19:] == [0.1, 0.9, 0.9]
    assert history.notes == [
        "Line 26 of metrics.jsonl is not a whole record and is left out.",
        "5 steps were taken back by a restart; only the later attempt is shown.",
    ]


def test_numbers_that_are_not_finite_are_named(tmp_path: Path) -> None:
    rows = [metric_row(1), metric_row(2, grad_norm=math.nan), metric_row(3, grad_norm=math.inf)]
    page = Page(write_report(make_run(tmp_path, rows)))
    assert "grad_norm was not finite at 2 steps, first at step 2." in page.text
    assert page.charts["columns"]["grad_norm"] == [0.7, None, None]


@pytest.mark.parametrize("value", [True, "0.5", None, [1], 10**400])
def test_values_of_other_types_leave_gaps(tmp_path: Path, value: object) -> None:
    run = make_run(tmp_path, [metric_row(1), metric_row(2, kl=value, seconds=value, time=value)])
    assert Page(write_report(run)).charts["columns"]["kl"] == [0.01, None]


def test_without_metrics_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"metrics\.jsonl: there is no such file; give the dir"):
        write_report(tmp_path / "absent")
    for number, content in enumerate(["", "\n", '{"step"', "[1]\n", '{"step": true}\n']):
        run = make_run(tmp_path / str(number), [], tail=content)
        with pytest.raises(ReportError, match="holds no complete line yet; wait for the first"):
            write_report(run)
        assert not (run / "report.html").exists()


def test_answers_come_from_first_middle_and_last_step_in_whole_groups(tmp_path: Path) -> None:
    many = [answer_row(group) for group in range(64) for _ in range(16)]
    many[5 * 16 + 2] = answer_row(5, outcome="ungradable", reward=0.0, advantage=None)
    run = make_run(tmp_path, [metric_row(1)], dict.fromkeys((1, 2, 3, 4, 5), many))
    steps, notes = read_answers(run / "rollouts")
    assert notes == []
    assert [step.step for step in steps] == [1, 3, 5]
    for step in steps:
        assert step.total == 1024
        assert len(step.answers) == ANSWER_LIMIT // 3
        groups = [answer["group"] for answer in step.answers]
        assert sum(groups.count(group) == 16 for group in set(groups)) == 6
        assert 5 in groups
    page = Page(write_report(run))
    assert page.count("tr", **{"data-outcome": "ungradable"}) == 3
    assert page.count("tr", **{"data-step": "5"}) == ANSWER_LIMIT // 3


def test_long_answers_are_folded_and_capped(tmp_path: Path) -> None:
    long = "word " * TEXT_LIMIT
    run = make_run(tmp_path, [metric_row(1)], {1: [answer_row(0, response=long, used=False)]})
    page = Page(write_report(run))
    assert page.count("details", **{"class": "long"}) == 1
    assert f"[{4 * TEXT_LIMIT:,} more characters]" in page.text
    assert "not trained on" in page.text


def test_unreadable_rollouts_are_noted(tmp_path: Path) -> None:
    run = make_run(tmp_path, [metric_row(1)], {1: [answer_row(0)], 2: [{"prompt": "alone"}]})
    (run / "rollouts/step_000003.parquet").write_bytes(b"PAR1 half")
    text = Page(write_report(run)).text
    assert "Step 1: 1 of 1 answers" in text
    assert 'step_000002.parquet could not be read and is left out: Field "group" does not' in text
    assert "rollouts/step_000003.parquet could not be read and is left out" in text


def test_thousands_of_steps_are_fast(tmp_path: Path) -> None:
    run = make_run(tmp_path, [metric_row(step) for step in range(1, 5001)])
    start = time.process_time()
    path = write_report(run)
    assert time.process_time() - start < 60
    assert path.stat().st_size < 8_000_000


def recorded_run(folder: Path, messages: list[Mapping[str, Any]]) -> Path:
    """A step with a group that was trained on and one that taught nothing, in today's files."""
    run = make_run(folder, [metric_row(1)])
    asked = Prompt("p/0", tuple(messages[:1]), "7", "sums")
    segments = [Segment(np.array([1, 2], np.int32))]
    for _ in range(sum(message["role"] == "assistant" for message in messages)):
        sampled = Segment(np.array([3], np.int32), np.array([-0.5], np.float32), (Span(1, 4),))
        segments += [sampled, Segment(np.array([4], np.int32))]
    last = str(messages[-1]["content"])
    verdicts = (Verdict.correct(1.0, "equal"), Verdict.incorrect(0.0))
    episodes = tuple(
        Episode((Trajectory(tuple(segments[:-1])),), tuple(messages), end, last)
        for end in ("turns", "stop")
    )
    groups = [Group(index, asked, 4, episodes, verdicts) for index in (0, 1)]
    recorder = Recorder(run, last_step=0)
    recorder.ended(groups[1], "rejected_equal")
    recorder.trained(Batch(6, (groups[0],)), {(0, 0): 0.25, (0, 1): -0.25})
    recorder.close()
    (run / "metrics.jsonl").write_text(json.dumps(metric_row(1)) + "\n", encoding="utf-8")
    return run


def test_answers_stand_with_their_conversation_lag_and_the_end_of_their_group(
    tmp_path: Path,
) -> None:
    call = {"type": "function", "function": {"name": HOSTILE, "arguments": {"x": 1}}}
    messages = [
        {"role": "user", "content": "3+4?"},
        {"role": "assistant", "content": HOSTILE, "tool_calls": [call]},
        {"role": HOSTILE, "content": HOSTILE * 20},
        {"role": "assistant", "content": "It is 7."},
    ]
    run = recorded_run(tmp_path, messages)
    assert len(list((run / "rollouts").glob("*.tokens.parquet"))) == 1
    (step,), notes = read_answers(run / "rollouts")
    assert (notes, step.total, len(step.answers)) == ([], 4, 4)
    said = step.answers[0]["conversation"]
    assert said[-1].text == "It is 7."
    assert len(said) == 3, "the prompt has a column of its own"
    trained, unused = (
        [answer for answer in step.answers if answer["used"] is used] for used in (True, False)
    )
    assert [(one["lag"], one["ending"], one["stopped"]) for one in trained] == [
        (2, "", "turns used up"),
        (2, "", ""),
    ]
    assert {(one["lag"], one["ending"]) for one in unused} == {(None, "rewards all equal")}
    page = Page(write_report(run))
    assert len(page.scripts) == 3
    assert page.count("img") == 0
    assert page.count("div", **{"class": "turn assistant"}) == 8
    assert "lag 2" in page.text
    assert "not trained on: rewards all equal" in page.text
    assert "2 turns turns used up" in page.text


def sampled(tokens: int, *versions: Span, reward: float = 0.0) -> Segment:
    ids = np.arange(tokens, dtype=np.int32)
    return Segment(ids, np.full(tokens, -0.5, np.float32), versions, reward)


def test_an_episode_is_shown_turn_by_turn(tmp_path: Path) -> None:
    """Calls with what went wrong, rewards, times, versions, and where the policy was cut."""
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": {"x": HOSTILE}}}
    asked = Prompt("p/0", ({"role": "user", "content": "3+4?"},), "7", "sums")
    messages = (
        *asked.messages,
        {"role": "assistant", "content": "", "tool_calls": [call, call]},
        {"role": "tool", "content": "7"},
        {"role": "tool", "content": "Error: took longer than 30 s"},
        {"role": "assistant", "content": "It is"},
    )
    read = Segment(np.zeros(4, np.int32))
    turns = (sampled(12, Span(5, 3), Span(7, 4), reward=0.5), sampled(3, Span(3, 4)))
    trajectory = Trajectory((read, turns[0], read, turns[1]))
    elsewhere = Trajectory((read, sampled(2, Span(2, 4))))
    calls = (CallRecord("add", 0.25), CallRecord("add", 30.0, "late"))
    first = TurnRecord(0, 1, None, 4, 50, "stop", 0.0, 1.25, 30.5, 3, 1, calls)
    records = (
        first,
        TurnRecord(0, 4, None, 20, 3, "length", 32.0, 0.5),
        TurnRecord(1, None, HOSTILE, 4, 50, "stop", 1.0, 0.1),
    )
    ended = Episode((trajectory, elsewhere), messages, "length", "It is", records=records)
    single = Episode(
        (Trajectory((read, sampled(9, Span(9, 4)))),),
        (*asked.messages, {"role": "assistant", "content": "7"}),
        "stop",
        "7",
        records=(TurnRecord(0, 1, None, 4, 9, "stop", 0.0, 0.75),),
        seconds=0.75,
    )
    run = make_run(tmp_path, [metric_row(1)])
    recorder = Recorder(run, last_step=0)
    group = Group(0, asked, 3, (ended, single), (Verdict.incorrect(0.0), Verdict.correct(1.0)))
    recorder.trained(Batch(5, (group,)), {(0, 0): -1.0, (0, 1): 1.0})
    recorder.close()
    (run / "metrics.jsonl").write_text(json.dumps(metric_row(1)) + "\n", encoding="utf-8")
    (step,), notes = read_answers(run / "rollouts")
    assert notes == []
    said, alone = step.answers[0]["conversation"], step.answers[1]["alone"]
    assert [one.wrong for one in said] == ["", "", "error: late", "cut after 3 tokens", ""]
    spoken = ("12 tokens in 1.2 s", "at 0 ms", "version 3", "to 4", "reward +0.5")
    assert said[0].notes[:5] == spoken
    assert said[0].notes[5:] == ("context 4", "75% of it cached", "engine 1")
    assert [one.notes for one in said[1:3]] == [("add", "250 ms"), ("add", "30.0 s")]
    assert (said[4].role, said[4].text) == ("assistant, elsewhere", HOSTILE)
    assert "trajectory 2" in said[4].notes
    assert alone.notes[0] == "9 tokens in 750 ms"
    page = Page(write_report(run))
    assert len(page.scripts) == 3
    assert page.count("span", **{"class": "wrong"}) == 2
    for told in ("cut after 3 tokens", "error: late", "add · 250 ms", "75% of it cached"):
        assert told in page.text


def test_what_an_agent_wrote_stands_beside_what_the_policy_did(tmp_path: Path) -> None:
    asked = Prompt("q", ({"role": "user", "content": "6*7?"},), "42")
    said = {"role": "assistant", "content": "<think>6*7</think>42"}
    read = Segment(np.arange(4, dtype=np.int32))
    trajectories = (Trajectory((read, sampled(9, Span(9, 4)))),)
    turn = TurnRecord(0, 1, None, 4, 9, "stop", 0.0, 0.75)
    ended = Episode(
        trajectories,
        (*asked.messages, said),
        "stop",
        "It is 42",
        thinking="none",
        metrics={"agent_seconds": 1.0},
        records=(turn,),
    )
    run = make_run(tmp_path, [metric_row(1)])
    recorder = Recorder(run, last_step=0)
    recorder.trained(Batch(5, (Group(0, asked, 3, (ended,), (Verdict.correct(1.0),)),)), {})
    recorder.close()
    (step,), _ = read_answers(run / "rollouts")
    shown = [(one.role, one.text) for one in step.answers[0]["conversation"]]
    assert shown == [("assistant", said["content"]), ("answer, by the agent", "It is 42")]


def test_a_long_conversation_is_folded_and_capped(tmp_path: Path) -> None:
    turns = [
        {"role": role, "content": f"{role} {number}"}
        for number in range(5 * MESSAGE_LIMIT)
        for role in ("user", "assistant")
    ]
    run = recorded_run(tmp_path, turns)
    (step,), _ = read_answers(run / "rollouts")
    said = [one.text for one in step.answers[0]["conversation"]]
    assert len(said) == MESSAGE_LIMIT + 1
    assert (said[0], said[-1]) == ("assistant 0", f"assistant {5 * MESSAGE_LIMIT - 1}")
    assert said[MESSAGE_LIMIT // 2] == f"[{9 * MESSAGE_LIMIT - 1} more messages]"
    assert Page(write_report(run)).count("details", **{"class": "long"}) == 4


@pytest.mark.parametrize(
    "messages", [None, "", "{", "[1]", '{"role": "user"}', '[{"role": 3}]', "[" * 9999]
)
def test_an_unreadable_conversation_leaves_the_answer(tmp_path: Path, messages: str | None) -> None:
    run = make_run(tmp_path, [metric_row(1)], {1: [answer_row(0, messages=messages, turns=2)]})
    text = Page(write_report(run)).text
    assert r"\boxed{1}" in text
    assert "2 turns" in text
