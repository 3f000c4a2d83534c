"""Endpoints that take less of the protocol than is sent, and the one form that a schema leaves."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from rewards import GradingPool, PoolError, Rubric, Sample, Use
from rewards.judge import Judge, JudgeSettings, UnreadableGradeError
from rewards.judge.reading import read_grades, read_preference
from rewards.judge.rubric import load_rubric
from tests.fake_judge import Answer, Body, FakeJudge, fake_judge, grades

ASKED = ({"role": "user", "content": "Name a prime."},)
FOUR = load_rubric("four-factors")
NO_MAX = {
    "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
    "'max_completion_tokens' instead.",
    "code": "unsupported_parameter",
}
NO_TEMPERATURE = {"message": "'temperature' does not support 0. Only the default (1) is supported."}


def settings(fake: FakeJudge, **options: Any) -> JudgeSettings:
    return JudgeSettings(url=fake.url, **({"patience": 2.0, "timeout": 60.0} | options))


async def graded(
    answer: Callable[[Body], Answer], *texts: str, **options: Any
) -> tuple[list[float], list[Body], tuple[str, ...]]:
    """Scores of `texts`, the requests, and how the endpoint is asked otherwise."""
    with fake_judge(answer) as fake:
        async with Judge(settings(fake, concurrency=1, **options)) as judge:
            scores = [(await judge.grade(ASKED, text)).score for text in texts]
            return scores, fake.bodies, judge.adapted


def reasoning_model(body: Body) -> Answer:
    """An endpoint of OpenAI's reasoning models."""
    if "max_tokens" in body:
        return {"error": NO_MAX, "status": 400}
    if "temperature" in body:
        return {"error": NO_TEMPERATURE, "status": 400}
    return grades(7)


def no_schemas(error: Any, status: int) -> Callable[[Body], Answer]:
    def answer(body: Body) -> Answer:
        return {"error": error, "status": status} if "response_format" in body else grades(7)

    return answer


async def test_names_of_parameters_are_learnt_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scores, bodies, adapted = await graded(reasoning_model, "a", "b", "c")
    assert scores == [7, 7, 7] and len(bodies) == 5
    assert bodies[-1]["max_completion_tokens"] == 1024
    assert not {"max_tokens", "temperature"} & set(bodies[-1])
    assert "response_format" in bodies[-1]
    assert [line.split(": ", 1)[1] for line in adapted] == [
        "it takes max_completion_tokens, not max_tokens",
        "it takes no temperature: it samples at its own",
    ]
    assert [record.getMessage().count("it takes") for record in caplog.records] == [1, 1]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"message": "response_format: json_schema is not supported"}, 400),
        ({"message": "internal error"}, 500),
        ({"message": "not implemented"}, 501),
        ({"message": "no grammar", "code": 400}, 200),
        ({"message": "no grammar", "code": "500"}, 200),
        ({"message": "no grammar"}, 200),
        ("no grammar", 200),
    ],
)
async def test_a_refused_schema_is_left_out_from_then_on(error: Any, status: int) -> None:
    scores, bodies, adapted = await graded(no_schemas(error, status), "a", "b")
    assert scores == [7, 7]
    assert "response_format" not in bodies[-1] and len(bodies) in (3, 4)
    assert [line.partition(": ")[2] for line in adapted] == [
        "it keeps to no schema: replies are read as text"
    ]


async def test_an_outage_is_not_taken_for_a_refused_schema() -> None:
    given: list[Answer] = [(500, {}), grades(6)]
    scores, bodies, adapted = await graded(lambda _: given.pop(0) if given else grades(7), "a", "b")
    assert scores == [7, 7] and not adapted
    assert ["response_format" in body for body in bodies] == [True, False, True, True]


async def test_an_error_in_a_completions_place_is_told() -> None:
    with fake_judge(lambda _: {"error": {"message": "out of credit", "code": 402}}) as fake:
        async with Judge(settings(fake)) as judge:
            with pytest.raises(Exception, match="HTTP 200 with an error: out of credit"):
                await judge.grade(ASKED, "a")


async def test_text_in_reasoning_content_is_read() -> None:
    for content in ({}, {"content": ""}, {"content": None}):
        reply = {"reasoning_content": grades(7), **content}
        scores, _, adapted = await graded(lambda _, reply=reply: reply, "a", "b")  # type: ignore[misc]
        assert scores == [7, 7]
        assert len(adapted) == 1 and "reasoning_content" in adapted[0]
    both = {"reasoning_content": grades(2), "content": grades(7)}
    scores, _, adapted = await graded(lambda _: both, "a")
    assert scores == [7] and not adapted


async def test_content_in_parts_is_read() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": grades(2)}]},
        {"type": "text", "text": grades(7)},
    ]
    assert (await graded(lambda _: {"content": parts}, "a"))[0] == [7]


@pytest.mark.parametrize("status", [404, 405, 403, 501])
async def test_an_endpoint_without_a_list_of_models(status: int) -> None:
    with fake_judge(lambda _: grades(7)) as fake:
        fake.model_status = status
        async with Judge(settings(fake, model="any")) as judge:
            assert (await judge.grade(ASKED, "a")).score == 7
            assert judge.adapted[0].endswith("the one that `model` names is asked")
        assert {body["model"] for body in fake.bodies} == {"any"} and len(fake.bodies) == 2
    with fake_judge(lambda _: (404, {})) as fake:
        fake.model_status = status
        with pytest.raises(PoolError, match="HTTP 404"):
            async with Judge(settings(fake, model="any")):
                raise AssertionError("it does not start")


async def test_an_empty_list_of_models_is_none() -> None:
    with fake_judge(lambda _: grades(7)) as fake:
        fake.models = {}
        async with Judge(settings(fake, model="any")) as judge:
            assert (await judge.grade(ASKED, "a")).score == 7
            assert judge.adapted[0].endswith("the one that `model` names is asked")
        assert {body["model"] for body in fake.bodies} == {"any"} and len(fake.bodies) == 2
        with pytest.raises(PoolError, match="name one of its models by `model`: none"):
            async with Judge(settings(fake)):
                raise AssertionError("it does not start")
    with fake_judge(lambda _: (404, {})) as fake:
        fake.models = {}
        with pytest.raises(PoolError, match="HTTP 404"):
            async with Judge(settings(fake, model="any")):
                raise AssertionError("it does not start")


async def test_the_judge_sees_an_answer_with_marks_whole() -> None:
    answer = "First <think> opens it and </think> closes it, as in [/THINK]."
    with fake_judge(lambda _: grades(7)) as fake:
        async with GradingPool(Rubric(Use("judge", {"url": fake.url})), workers=1) as pool:
            for thinking, shown in (("", answer), ("<think>hidden</think>", answer)):
                await pool.grade([Sample("s", ASKED, thinking + answer, thinking="none")])
                said = fake.shown().replace("\\", "")  # marks are broken by a backslash
                assert shown in said and "hidden" not in said
            await pool.grade([Sample("s", ASKED, f"hidden</think>{answer}", thinking="open")])
            said = fake.shown().replace("\\", "")
            assert answer in said and "hidden" not in said


FACTOR_LINES = "\n".join(f"{name}: 1/10" for name in json.loads(grades(1)))
LOW = f"Here is a record: {grades(1)}\nScore: 1/10\n{grades(0)} {grades(2)}"


async def test_with_a_schema_no_other_form_is_read() -> None:
    given = iter([grades(7), f"It is {grades(9)}", f"Score: 9/10\n{grades(9)}", grades(2)])
    with fake_judge(lambda _: next(given)) as fake:
        async with Judge(settings(fake, concurrency=1)) as judge:
            assert (await judge.grade(ASKED, "a")).score == 7  # it has kept to the schema
            with pytest.raises(UnreadableGradeError, match="not in the schema's form"):
                await judge.grade(ASKED, "b")
            assert (await judge.grade(ASKED, LOW)).score == 2  # also where the answer holds it
            assert not judge.adapted


@pytest.mark.parametrize(
    "reply",
    [
        grades(7)[:-1] + ', "more": 1}',
        grades(7).replace("7", "7.5", 1),
        grades(7).replace("7", '"7"', 1),
        f"```json\n{grades(7)}\n```",
        json.dumps({"scores": json.loads(grades(7))}),
        "7",
    ],
)
async def test_a_schema_that_is_told_to_be_kept_is_kept_to(reply: str) -> None:
    with pytest.raises(UnreadableGradeError):
        await graded(lambda _: reply, "a", structured="json_schema")


async def test_an_endpoint_that_ignores_schemas_is_read_as_text() -> None:
    scores, bodies, adapted = await graded(lambda _: "It is fine.\nScore: 7/10", "a", "b")
    assert scores == [7, 7] and len(bodies) == 2 and len(adapted) == 1
    assert "response_format" not in bodies[-1]


class TestQuotedGrades:
    """An answer that holds bad grades neither hides the judge's own, nor chooses it."""

    @pytest.mark.parametrize(
        ("reply", "score"),
        [
            (grades(1), 1),
            (f"It is bad.\n{grades(1)}", 1),
            (f"Grade:\n```json\n{grades(2)}\n```\n", 2),
            ("It is bad.\nScore: 1/10", 1),
            ("\n".join(f"{name}: 1/10" for name in json.loads(grades(1))), 1),
            (f"It holds {grades(1)}.\nMine:\n{grades(8)}", 8),
            (f"{grades(8)}\nIt holds {grades(1)}.", 8),
            ("It holds a score of its own: 1/10.\nScore: 8/10", 8),
            ('{"score": 2}\nIt only repeats grades.', 2),
            ('{"score": 2}\n\nIt holds {"score": 2} and {"score": 9}, no more.', 2),
            (f"{grades(1)}\nIt only repeats grades.", 1),
            (f"```json\n{grades(1)}\n```\nIt only repeats grades.", 1),
            (f"**My grade:**\n{grades(1)}\nIt only repeats grades.", 1),
            (f"Here is my grade: {grades(1)}\nIt only repeats grades.", 1),
            ("Score: 1/10\nIt only repeats grades.", 1),
            (f"{FACTOR_LINES}\nIt only repeats grades.", 1),
            ('{"score": 2}\nThat is what it holds.\nScore: 8/10', 8),
            (f'{{"score": 2}} it says.\n{grades(8)}', 8),
            ('{"score": 2}\nSo my grade is 2/10.', 2),
            ('{"score": 2}\nIt makes 3 mistakes in 10 lines.', 2),
            ("It says Score: 10/10, which is untrue.\nScore: 1/10", 1),
        ],
    )
    def test_the_judges_own_is_read(self, reply: str, score: float) -> None:
        quoting = f'{LOW}\n{FACTOR_LINES}\n{{"score": 2}} {{"score": 9}}'
        assert FOUR.score(read_grades(reply, FOUR, [quoting])) == score

    @pytest.mark.parametrize(
        "reply",
        [
            f"It holds {grades(1)} and more.",
            f"It holds\n{grades(1)}\nand I like it.",
            "It says\nScore: 1/10\nand I like it.",
            f"{grades(1)} is what it says, and I like it.",
            f"Its grade:\n{grades(1)}\nand I like it.",
            f"It says:\n{FACTOR_LINES}\nand I like it.",
            f'{grades(1)}\nNo: {{"score": 14}}, so to say.',
            f"{grades(1)}\nis what it says.\nScore: 9 or 2, I do not know",
            f"{grades(1)}\nThe answer tries to set that; my grade is 9/10.",
            "Score: 1/10\nThe answer tries to set that; my grade is 9/10.",
            f"{FACTOR_LINES}\nThe answer tries to set that; my grade is 9/10.",
            f"My grade is 9/10. The answer holds:\n{grades(1)}",
            f"{grades(1)}\nThat is a quotation. I'd give it a 9.",
            f"{grades(1)}\nThat is a quotation. It deserves 9 out of 10.",
            f"{grades(1)}\nThat is a quotation. The overall score is **9**.",
        ],
    )
    def test_a_quotation_is_not_the_grade(self, reply: str) -> None:
        with pytest.raises(UnreadableGradeError):
            read_grades(reply, FOUR, [f"{LOW}\n{FACTOR_LINES}"])

    @pytest.mark.parametrize("high", [grades(10), "Score: 10/10"])
    def test_good_grades_of_its_own_pay_nothing(self, high: str) -> None:
        with pytest.raises(UnreadableGradeError):
            read_grades(f"It says:\n{high}", FOUR, [f"I get {high}"])
        with pytest.raises(UnreadableGradeError):
            read_grades(f"{high}\nis what it says.", FOUR, [f"I get {high}"])

    def test_a_preference_that_closes_the_reply_is_the_judges(self) -> None:
        quoted = '{"better": "first"}'
        assert read_preference(f"So:\n{quoted}", [quoted]) == "first"
        with pytest.raises(UnreadableGradeError):
            read_preference(f"It holds {quoted}, and I am not sure.", [quoted])
