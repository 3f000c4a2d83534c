"""`plumb eval` at an endpoint: every public format, resuming, the best of k, what is written."""

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import parquet

from data.schema import Prompt
from launch.evaluate.answering import Engines
from launch.evaluate.answers import ANSWERS, VERDICTS, Kept
from launch.evaluate.evaluate import check_graded
from launch.evaluate.options import SamplingOptions, ServedOptions
from launch.evaluate.running import Progress, Unit, _Doing
from launch.verify.uses import TaskOptions
from rewards import Verdict
from rl.config import EvaluationConfig, RunConfig
from rl.errors import PlumbError, UngradableError
from rl.rollout_columns import EPISODES
from rl.tokens import Episode
from tests.fake_judge import fake_judge, grades
from tests.launch.eval_world import ROWS, Body, evaluated, gold, quick, tenths, write_set, wrong

needs_box = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@needs_box
def test_every_public_format_is_asked_and_graded(tmp_path: Path) -> None:
    sets = [write_set(tmp_path, name) for name in ROWS]
    with fake_judge(lambda body: grades(9)) as judge:
        tasks = TaskOptions(sandbox="bubblewrap", trust="in-process", judge=judge.url)
        for answer, share in ((gold, 1.0), (wrong, 0.0)):
            with fake_judge(answer) as model:
                out = tmp_path / answer.__name__
                _, found = evaluated(target=model.url, sets=sets, out=out, tasks=tasks)
            shares = {name: one["accuracy"] for name, one in found["sets"].items()}
            # The judge likes whatever it is shown.
            assert shares == dict.fromkeys(ROWS, share) | {"judged": 1.0}
    assert found["sets"]["math500"]["accuracy_by_level"] == {"Level 2": 0.0}
    assert found["sets"]["bfcl"]["accuracy_by_level"] == {"simple_python": 0.0}
    assert found["sets"]["judged"]["accuracy_by_task"] == {"judge": 1.0}
    assert {name: one["format"] for name, one in found["sets"].items()} == {
        **{name: name for name in ROWS if name not in ("math500", "aime", "judged")},
        "math500": "math",
        "aime": "plain",
        "judged": "plain",
    }


def test_what_is_asked_is_what_the_preset_says(tmp_path: Path) -> None:
    for thinking, seen in (
        (True, {"temperature": 0.6, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.05}),
        (False, {"temperature": 0.0, "repetition_penalty": 1.01}),
    ):
        with fake_judge(gold) as model:
            evaluated(
                target=model.url,
                sets=[write_set(tmp_path, "gsm8k")],
                out=tmp_path / str(thinking),
                verifier=quick(tmp_path),
                preset="telechat",
                thinking=thinking,
            )
        body = model.bodies[-1]
        named = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        assert {name: body[name] for name in named if name in body} == seen
        assert body["max_tokens"] == 32_768
        assert body["chat_template_kwargs"] == {"enable_thinking": thinking}
        assert body["messages"][0]["content"].endswith(r"within \boxed{}.")


def test_answers_to_a_prompt_are_counted_without_bias(tmp_path: Path) -> None:
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(20)]
    with fake_judge(tenths(5)) as model:
        _, found = evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "gsm8k", rows)],
            out=tmp_path / "out",
            verifier=quick(tmp_path),
            answers=["8"],
            **_at(0.7),
        )
    one = found["sets"]["gsm8k"]
    assert len(model.bodies) == len({body["seed"] for body in model.bodies}) == 160
    assert 0.3 < one["accuracy"] < 0.7
    assert one["pass_at"]["1"] == one["accuracy"] < one["pass_at"]["2"] < one["pass_at"]["8"]
    assert one["interval"][0] < one["accuracy"] < one["interval"][1]
    assert one["majority"] is not None


def test_it_goes_on_where_it_was_and_asks_nothing_twice(tmp_path: Path) -> None:
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(12)]
    options: dict[str, Any] = {"sets": [write_set(tmp_path, "gsm8k", rows)], "answers": ["2"]}
    options |= {"out": tmp_path / "out", "verifier": quick(tmp_path), **_at(1.0)}
    options["served"] = ServedOptions(concurrency=2)
    asked: list[str] = []
    lock = Lock()

    def failing(body: Body) -> Any:
        with lock:
            if len(asked) >= 9:
                return 401, {}
            asked.append(f"{body['messages'][0]['content']} {body['seed']}")
        return r"\boxed{42}"

    with fake_judge(failing) as model:
        with pytest.raises(Exception, match="401") as caught:
            evaluated(target=model.url, **options)
        assert "the same command goes on there" in " ".join(caught.value.__notes__)
        kept = _lines(tmp_path / "out" / "gsm8k" / ANSWERS)
        assert 0 < len(kept) <= 9
        # A kill in the middle of a line, and of an answer whose verdict was not there yet.
        with (tmp_path / "out" / "gsm8k" / ANSWERS).open("a") as file:
            file.write('{"key": "cut sho')
        (tmp_path / "out" / "gsm8k" / VERDICTS).unlink()

        model.answer = lambda body: r"\boxed{42}"
        before = len(model.bodies)
        _, found = evaluated(target=model.url, **options)
        # Of what was answered, nothing is asked a second time.
        assert len(model.bodies) - before == 24 - len(kept)
        before = len(model.bodies)
        again = evaluated(target=model.url, **options)[1]
        assert len(model.bodies) == before
    answers = _lines(tmp_path / "out" / "gsm8k" / ANSWERS)
    assert len(answers) == len({line["key"] for line in answers}) == 24
    assert answers[: len(kept)] == kept
    assert found["sets"] == again["sets"]
    assert found["sets"]["gsm8k"]["accuracy"] == 1.0


def test_other_settings_are_refused_and_more_answers_are_added(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sets": [write_set(tmp_path, "gsm8k")], "out": tmp_path / "out"}
    options["verifier"] = quick(tmp_path)
    with fake_judge(gold) as model:
        evaluated(target=model.url, answers=["2"], **_at(0.5), **options)
        with pytest.raises(Exception, match="holds answers to something else: there sampling"):
            evaluated(target=model.url, answers=["2"], **_at(0.6), **options)
        evaluated(target=model.url, answers=["5"], **_at(0.5), **options)
        assert len(model.bodies) == 5
        other = {**options, "verifier": "math-bare"}
        with pytest.raises(Exception, match="--regrade"):
            evaluated(target=model.url, answers=["5"], **_at(0.5), **other)
        _, found = evaluated(target=model.url, answers=["5"], regrade=True, **_at(0.5), **other)
        assert len(model.bodies) == 5
        assert found["reward"]["verifier"] == "math-bare"
        evaluated(target=model.url, overwrite=True, **options)
        assert len(model.bodies) == 6


def test_the_parquet_has_the_columns_of_rollouts(tmp_path: Path) -> None:
    def thinking(body: Body) -> Any:
        return {"content": r"\boxed{42}", "reasoning_content": "let me see"}

    with fake_judge(thinking) as model:
        evaluated(target=model.url, sets=[write_set(tmp_path, "gsm8k")], out=tmp_path / "out")
    table = parquet.read_table(tmp_path / "out" / "answers.parquet")
    shared = [field for field in EPISODES if field.name in table.column_names]
    assert all(table.schema.field(field.name).type == field.type for field in shared)
    assert len(shared) >= 20
    (row,) = table.to_pylist()
    assert (row["outcome"], row["response"], row["thinking"]) == (
        "correct", r"\boxed{42}", "let me see",
    )  # fmt: skip
    assert row["prompt"].startswith("user: A crate holds 6 jars")
    assert (row["reference"], row["tokens"], row["stop_reason"]) == ("42", 10, "stop")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["sets"]["gsm8k"]["asked"]["sampling"]["temperature"] == 0


def test_a_run_s_own_judge_of_texts_does_not_grade_constraints(tmp_path: Path) -> None:
    with fake_judge(gold) as model, fake_judge(lambda body: grades(0)) as judge:
        config = tmp_path / "config.yaml"
        options = f"{{url: '{judge.url}'}}"
        config.write_text(f"reward: {{routes: {{text: {{spec: judge, options: {options}}}}}}}\n")
        own = {"prompt": "Write a line about rain.", "task": "text", "reference": "It pours."}
        _, found = evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "ifeval"), write_set(tmp_path, "own", [own])],
            out=tmp_path / "out",
            config=config,
        )
    assert found["sets"]["ifeval"]["accuracy"] == 1.0
    assert found["sets"]["ifeval"]["accuracy_by_task"] == {"constraints": 1.0}
    assert found["sets"]["own"]["accuracy_by_task"] == {"text": 0.0}


async def test_what_an_environment_judged_is_kept_and_no_verifier_asked(tmp_path: Path) -> None:
    """Also where the verdicts are gone: after a kill, or for grading anew."""
    prompt = Prompt("p", ({"role": "user", "content": "Guess."},), None, "")
    episode = Episode((), (), "stop", "7")
    theirs = Verdict.incorrect(-0.25, "differs: three guesses")

    async def evaluate(*asked: Any, **more: Any) -> Any:
        return (episode,), (theirs,)

    found = SimpleNamespace(runner=SimpleNamespace(evaluate=evaluate), fleet=None, places=1)
    engines = Engines(found, RunConfig.model_validate({"data": {"train": "a"}}))  # type: ignore[arg-type]
    one: Any = SimpleNamespace(name="own", settings=EvaluationConfig())
    for answerer in (engines, None):
        with Kept(tmp_path, {}, {}, None) as kept:
            bar: Any = SimpleNamespace(advance=lambda *_: None)
            doing = _Doing(answerer, None, Progress(), bar)  # type: ignore[arg-type]
            unit = Unit(one, prompt, 0, kept)
            await doing.all_of([unit])
            assert kept.verdict(unit.key) == theirs
        (tmp_path / VERDICTS).unlink()


def test_an_endpoint_plays_no_episodes(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("env: calculator\n")
    with pytest.raises(PlumbError, match="need our engines"):
        evaluated(
            target="http://127.0.0.1:9/v1",
            sets=[write_set(tmp_path, "gsm8k")],
            out=tmp_path / "out",
            config=config,
        )


def test_a_call_that_cannot_be_read_is_wrong_and_not_ungradable(tmp_path: Path) -> None:
    broken = {"name": "weather", "arguments": '{"place": '}
    call = {"id": "1", "type": "function", "function": broken}
    rows = [{**ROWS["bfcl"][0], "id": "irrelevance_0", "ground_truth": []}]
    with fake_judge(lambda body: {"content": "", "tool_calls": [call]}) as model:
        _, found = evaluated(
            target=model.url, sets=[write_set(tmp_path, "bfcl", rows)], out=tmp_path / "out"
        )
    assert found["sets"]["bfcl"]["accuracy"] == 0.0
    assert found["sets"]["bfcl"]["ungradable"] == 0


def test_a_question_that_is_refused_is_told_apart(tmp_path: Path) -> None:
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(6)]

    def answer(body: Body) -> Any:
        return (400, {}) if "Problem 3" in body["messages"][0]["content"] else r"\boxed{42}"

    with fake_judge(answer) as model:
        work, found = evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "gsm8k", rows)],
            out=tmp_path / "out",
            verifier=quick(tmp_path),
        )
    one = found["sets"]["gsm8k"]
    assert (one["refused"], one["ungradable"], one["accuracy"]) == (1, 1, 1.0)
    assert one["response_tokens_mean"] == one["response_tokens"] / 5  # of those that were answered
    check_graded(work, found)


def test_a_judge_that_is_away_leaves_answers_that_are_graded_later(tmp_path: Path) -> None:
    rows = [{**ROWS["judged"][0], "prompt": f"Write line {i} about rain."} for i in range(3)]
    with fake_judge(gold) as model, fake_judge(lambda body: (500, {})) as judge:
        config = tmp_path / "config.yaml"
        config.write_text(
            "reward:\n  retries: 0\n  routes:\n    judge:\n      spec: judge\n"
            f"      options: {{url: '{judge.url}', patience: 0.2, model: tiny}}\n"
        )
        options: dict[str, Any] = {
            "target": model.url,
            "sets": [write_set(tmp_path, "judged", rows)],
            "formats": ["judged=plain"],
            "out": tmp_path / "out",
            "config": config,
        }
        work, found = evaluated(**options)
        assert found["sets"]["judged"]["lost"] == 3
        with pytest.raises(UngradableError, match="run the same command again"):
            check_graded(work, found)
        judge.answer = lambda body: grades(9)
        work, found = evaluated(**options)
        assert len(model.bodies) == 3
    assert found["sets"]["judged"]["accuracy"] == 1.0
    check_graded(work, found)


def test_the_best_of_k_is_chosen_by_a_verifier_that_sees_no_reference(tmp_path: Path) -> None:
    (tmp_path / "liking.py").write_text(
        "from rewards import Sample, Verdict\n\n\n"
        "def liking(sample: Sample) -> Verdict:\n"
        "    assert sample.reference is None and 'solution' not in sample.metadata\n"
        "    return Verdict.correct('42' in sample.response)\n"
    )
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(10)]
    options: dict[str, Any] = {
        "sets": [write_set(tmp_path, "gsm8k", rows)],
        "out": tmp_path / "out",
        "answers": ["6"],
        "select": f"{tmp_path / 'liking.py'}:liking",
        "verifier": quick(tmp_path),
        **_at(1.0),
    }
    with fake_judge(tenths(4)) as model:
        _, found = evaluated(target=model.url, **options)
    one = found["sets"]["gsm8k"]
    assert one["best_of"] == one["pass_at"]["6"] > one["accuracy"]
    table = parquet.read_table(tmp_path / "out" / "answers.parquet").to_pylist()
    assert sum(row["chosen"] for row in table) == 10
    assert all(row["score"] == float("42" in row["response"]) for row in table)


def test_the_best_of_k_is_chosen_by_a_reward_model(tmp_path: Path) -> None:
    seen: list[Body] = []
    with reward_model(seen) as url, fake_judge(tenths(3)) as model:
        _, found = evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "gsm8k")],
            out=tmp_path / "out",
            answers=["12"],
            verifier=quick(tmp_path),
            select=f"reward={url}",
            **_at(1.0),
        )
    one = found["sets"]["gsm8k"]
    assert one["best_of"] == one["pass_at"]["12"]
    assert len(seen) == 12
    assert seen[0]["messages"][-1]["role"] == "assistant"
    with pytest.raises(PlumbError, match="give -k 2 or more"):
        evaluated(
            target=model.url,
            sets=[write_set(tmp_path, "gsm8k")],
            out=tmp_path / "one",
            select=f"reward={url}",
        )


class reward_model:  # noqa: N801 (a context manager)
    """vLLM's `/pooling` on a real port, which likes 42."""

    def __init__(self, seen: list[Body]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send({"object": "list", "data": [{"id": "rm", "object": "model"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.append(body)
                score = [[0.1], [0.9 if "42" in body["messages"][-1]["content"] else -0.9]]
                self._send({"data": [{"index": 0, "object": "pooling", "data": score}]})

            def _send(self, value: object) -> None:
                content = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _at(temperature: float) -> dict[str, Any]:
    return {"sampling": SamplingOptions(temperature=temperature)}


def _lines(path: Path) -> list[dict[str, Any]]:
    """The answers in a file, without its first line."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield
