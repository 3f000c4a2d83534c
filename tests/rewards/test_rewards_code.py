"""The verifier "code": which program counts, and what each judgement is worth."""

import asyncio
import json
import math
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from rewards import GradingPool, PoolError, Rubric, Sample, Use, Verdict
from rewards.code.verifier import Code
from rewards.verifier import Verifier
from sandbox import Health, Judgement, RunResult, Sandbox, Status, Trust, UnavailableError
from tests.ports import free_port

needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="bubblewrap is not installed"
)
SEVEN = {"kind": "stdio", "cases": [{"stdout": "7"}]}
ECHO = {"kind": "stdio", "cases": [{"stdin": f"{n}", "stdout": f"{n}"} for n in (1, 2, 3, 4)]}
KEYWORDS = {
    "kind": "calls",
    "entry_point": "f",
    "cases": [{"args": [], "kwargs": {"x": 1}, "returns": 2}],
}
METHOD = {"kind": "calls", "entry_point": "A.f", "cases": [{"args": [1], "returns": 2}]}
NEXT = {"kind": "calls", "entry_point": "f", "cases": [{"args": [1], "returns": 2}]}


def fenced(source: str, tag: str = "python") -> str:
    return f"Here it is:\n```{tag}\n{source}\n```\nDone."


def sample(response: str, reference: Any = SEVEN, **columns: Any) -> Sample:
    return Sample("s", (), response, reference, "code", metadata=columns)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[GradingPool]:
    options: dict[str, Any] = {"sandbox": "bubblewrap", "limits": {"wall_seconds": 5}}
    uses = {
        "share": Use("code", {**options, "reward": "fraction"}),
        "bare": Use("code", {**options, "bare": True, "language": "javascript"}),
    }
    async with GradingPool(Rubric(Use("code", options), uses)) as opened:
        yield opened


@needs_bubblewrap
@pytest.mark.asyncio(loop_scope="module")
class TestVerdicts:
    @pytest.mark.parametrize(
        ("answer", "verdict"),
        [
            (sample(fenced("print(3 + 4)")), Verdict.correct(1.0, "passed")),
            (sample(fenced("print(8)")), Verdict.incorrect(0.0, "wrong answer: ")),
            (sample(fenced("print(3 + ")), Verdict.incorrect(0.0, "runtime error: ")),
            (sample(fenced("1 / 0")), Verdict.incorrect(0.0, "runtime error: ")),
            (sample(fenced("import os; os._exit(0)")), Verdict.incorrect(0.0, "wrong answer: ")),
            (sample(fenced("int main( {", "c")), Verdict.incorrect(0.0, "compile error: ")),
            (
                sample(fenced("while True: pass"), limits={"wall_seconds": 0.5}),
                Verdict.incorrect(0.0, "time limit: "),
            ),
            (sample("It is 7."), Verdict.incorrect(0.0, "no code block")),
            (sample(fenced("console.log(7)", "js")), Verdict.correct(1.0, "passed")),
            (sample(fenced("print(7)", "js"), language="python"), Verdict.correct(1.0, "passed")),
            (sample(fenced("print(7)"), json.dumps(SEVEN)), Verdict.correct(1.0, "passed")),
            (
                sample(fenced("console.log(7)", ""), {**SEVEN, "language": "javascript"}),
                Verdict.correct(1.0, "passed"),
            ),
            (
                sample(
                    fenced("def f(x): return x + 1"),
                    {
                        "kind": "harness",
                        "source": "for i in range(3):\n    assert f(i) == i + 1",
                        "cases": None,  # as a table has it
                    },
                ),
                Verdict.correct(1.0, "passed (checker)"),
            ),
            (  # the language of a test is the data's: Python, where it says nothing
                sample(
                    fenced("function f(x) { return x + 1; }", "js"),
                    {"kind": "harness", "source": "assert (f(1) == 2)"},
                ),
                Verdict.incorrect(0.0, "runtime error: "),
            ),
            (
                sample(
                    fenced("def f(x): return x"),
                    {"kind": "harness", "source": "import ("},
                ),
                Verdict.ungradable("tests: "),
            ),
            (sample(fenced("print(7)"), "7"), Verdict.ungradable("reference: ")),
            (sample(fenced("print(7)"), "{"), Verdict.ungradable("reference: ")),
            (sample(fenced("print(7)"), None), Verdict.ungradable("reference: ")),
            (sample(fenced("print(7)"), {"kind": "magic"}), Verdict.ungradable("reference: ")),
            (
                sample(fenced("print(7)"), limits={"wall_seconds": -1}),
                Verdict.ungradable("reference: limits.wall_seconds"),
            ),
            (sample(fenced("print(7)"), language="cobol"), Verdict.ungradable("reference: ")),
            # A fence may choose a language that the tests do not fit: that is the answer's doing.
            *(
                (sample(fenced("int f;", tag), tests), Verdict.incorrect(0.0, "language: "))
                for tag, tests in (("c", KEYWORDS), ("java", KEYWORDS), ("c", METHOD))
            ),
            (sample(fenced("int f;"), KEYWORDS, language="c"), Verdict.ungradable("request: ")),
            (sample(fenced("int f;"), METHOD, language="c"), Verdict.ungradable("request: ")),
        ],
    )
    async def test_each_judgement_has_its_verdict(
        self, pool: GradingPool, answer: Sample, verdict: Verdict
    ) -> None:
        (given_,) = await pool.grade([answer])
        assert given_.outcome is verdict.outcome, given_.reason
        assert given_.reason.startswith(verdict.reason)
        assert "\n" not in given_.reason
        if verdict.is_gradable:
            assert given_.reward == verdict.reward

    async def test_a_fraction_is_a_reward_and_not_a_correct_answer(self, pool: GradingPool) -> None:
        half = fenced("n = int(input())\nprint(n if n % 2 else 0)")
        whole = fenced("print(input())")
        samples = [sample(half, ECHO), sample(whole, ECHO)]
        shares = [Sample("f", (), one.response, ECHO, "share") for one in samples]
        first, second, third, fourth = await pool.grade([*samples, *shares])
        assert [first.reward, second.reward, third.reward, fourth.reward] == [0.0, 1.0, 0.5, 1.0]
        assert [one.is_correct for one in (first, second, third, fourth)] == [False, True] * 2
        assert third.metrics["passed"] == 2
        assert third.metrics["total"] == 4
        assert third.metrics["fraction"] == 0.5

    async def test_a_bare_program_is_the_whole_response(self, pool: GradingPool) -> None:
        text = "// <think> ```\nconsole.log(7)"
        (verdict,) = await pool.grade([Sample("b", (), text, SEVEN, "bare")])
        assert verdict.is_correct


C_TEST = {"kind": "harness", "language": "c", "source": "int main(void) { return f() != 2; }"}
PYTHON_TEST = {"kind": "harness", "source": "x = f()\nassert x == 2"}
NO_TEST = {"kind": "harness", "source": "from solution import f\ndef verify():\n    assert f()"}


@pytest.mark.parametrize(
    ("options", "reference", "kind"),
    [
        ({}, C_TEST, "trust"),
        ({"trust": "in_process"}, C_TEST, None),
        ({"trust": "outside"}, PYTHON_TEST, "trust"),
        ({}, PYTHON_TEST, None),
        ({}, NO_TEST, "tests"),
        ({}, SEVEN, None),
        ({}, "7", "reference"),
        ({}, {"kind": "magic"}, "reference"),
        # A script in a language that the data does not name is in that of the option.
        ({"language": "c"}, {"kind": "harness", "source": C_TEST["source"]}, "trust"),
    ],
)
async def test_rows_that_no_answer_could_win_are_known_beforehand(
    monkeypatch: pytest.MonkeyPatch, options: Any, reference: Any, kind: str | None
) -> None:
    loaded: Verifier[..., Any] = Use("code", options).load()
    refusal = loaded.refusal(sample("", reference))
    assert (refusal and refusal.partition(":")[0]) == kind
    monkeypatch.setattr(Sandbox, "open", lambda *_, **__: Flaky(0))
    # Whatever the fence says.
    verdict = await loaded.judge_async(sample(fenced("print(7)", "js"), reference))
    assert verdict.is_correct == (refusal is None)
    assert refusal is None or verdict.reason == refusal


async def test_a_judgement_below_the_level_earns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "open", lambda *_, **__: Flaky(0, Trust.IN_PROCESS))
    verdict = await Use("code").load().judge_async(sample(fenced("print(7)")))
    assert verdict.reason.startswith("trust: a verdict of these tests is in process")


@needs_bubblewrap
async def test_a_closed_pool_has_closed_its_sandbox() -> None:
    pool = GradingPool(Rubric(Use("code", {"sandbox": "bubblewrap"})))
    await pool.start()
    (verifier,) = pool._verifiers
    (first,) = await pool.grade([sample(fenced("print(7)"))])
    assert first.is_correct
    assert verifier.function._box is not None
    await pool.aclose()
    assert verifier.function._box is None


class Flaky(Sandbox):
    """A sandbox that fails so many times before it answers."""

    def __init__(self, failures: int, trust: Trust = Trust.OUTSIDE) -> None:
        self.failures = failures
        self.trust = trust

    async def start(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def run(self, *_: Any, **__: Any) -> RunResult:
        raise NotImplementedError

    async def judge(self, *_: Any, **__: Any) -> Judgement:
        if self.failures > 0:
            self.failures -= 1
            raise UnavailableError("the box is gone")
        return Judgement(
            passed=True, status=Status.PASSED, passed_count=1, total=1, trust=self.trust
        )

    async def languages(self) -> dict[str, str]:
        return {}

    async def health(self) -> Health:
        raise NotImplementedError


@pytest.mark.parametrize(("failures", "outcome"), [(1, "correct"), (5, "ungradable")])
async def test_a_sandbox_that_fails_is_asked_again_and_is_never_a_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, failures: int, outcome: str
) -> None:
    monkeypatch.setattr(Sandbox, "open", lambda *_, **__: Flaky(failures))
    async with GradingPool("code", retries=2) as pool:
        (verdict,) = await pool.grade([sample(fenced("print(7)"))])
        assert verdict.outcome == outcome
        if outcome == "ungradable":
            assert verdict.reason == "infrastructure: the box is gone"
            assert pool.ungradable_reasons() == {"infrastructure": 1}


async def test_a_service_that_is_not_there_stops_the_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandbox.service.client.START_PATIENCE", 1.0)
    url = f"http://127.0.0.1:{free_port()}"
    pool = GradingPool(Rubric(Use("code", {"sandbox": url})))
    with pytest.raises(PoolError, match="'code' has no sandbox") as raised:
        await pool.start()
    assert url in str(raised.value)
    assert "\n" not in str(raised.value)
    verifier: Verifier[..., Any] = Use("code", {"sandbox": url}).load()
    verdict = await verifier.judge_async(sample(fenced("print(7)")))
    assert verdict.reason.startswith("infrastructure: ")


async def test_a_token_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)
    with pytest.raises(PoolError, match="NO_SUCH_TOKEN is not set"):
        await Code(sandbox="http://127.0.0.1:9", token_env="NO_SUCH_TOKEN").start()


@needs_bubblewrap
async def test_a_deadline_bounds_the_program_and_not_its_wait() -> None:
    """Endless loops before it in the queue take none of an honest program's time.

    Together they run for longer than the deadline; a single one does not.
    """
    options = {"sandbox": "bubblewrap", "box": {"slots": 1}}
    limits = {"wall_seconds": 60.0, "cpu_seconds": 1.0}
    use = Use("code", options | {"limits": limits}, deadline=4.5)
    programs = [*["while True: pass"] * 5, "print(7)"]
    async with GradingPool(Rubric(use), retries=0) as pool:
        graded = await pool.grade([sample(fenced(one)) for one in programs])
        slow = sample(fenced("import time\ntime.sleep(60)\nprint(7)"))
        assert [one.outcome for one in graded] == ["incorrect"] * 5 + ["correct"], graded
    async with GradingPool(Rubric(Use("code", options, deadline=0.5)), retries=0) as pool:
        (verdict,) = await pool.grade([slow])
        assert (verdict.outcome, "0.5 s" in verdict.reason) == ("incorrect", True), verdict


def test_only_a_verifier_that_keeps_its_time_is_without_a_clock() -> None:
    assert GradingPool("math", retries=0).longest == 3.0
    assert GradingPool("code", retries=0).longest == math.inf


async def test_calls_may_come_before_the_start_and_open_one_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []

    def open_(*_: Any, **__: Any) -> Sandbox:
        opened.append(Flaky(0))
        return opened[-1]

    monkeypatch.setattr(Sandbox, "open", open_)
    verifier = Use("code").load()
    graded = await asyncio.gather(
        *(verifier.judge_async(sample(fenced("print(7)"))) for _ in range(5))
    )
    assert all(verdict.is_correct for verdict in graded)
    assert len(opened) == 1


def test_options_are_checked_by_name() -> None:
    wrong: list[tuple[Mapping[str, Any], str]] = [
        ({"sandbx": "docker"}, "did you mean 'sandbox'"),
        ({"limits": {"wall": 3}}, "limits.wall"),
        ({"language": "cobol"}, "option language"),
        ({"trust": "full"}, "option trust"),
    ]
    for options, message in wrong:
        with pytest.raises(Exception, match=re.escape(message)):
            Use("code", options).load()
