"""Asking models over HTTP: answers and calls, what endpoints lack, outages, and going on."""

import asyncio
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from data.asking import (
    Answer,
    Asked,
    EndpointModel,
    Request,
    ask_models,
    models_of,
)
from data.asking.asking import answers_in
from data.asking.wire import Offer, answer_of
from data.errors import AnswersError, SourceError
from rewards.judge.errors import RefusedError
from rewards.judge.replies import Choice
from tests.fake_judge import Body, FakeJudge, fake_judge

ASKED = ({"role": "user", "content": "2 + 2?"},)
FACTORIAL = {
    "type": "function",
    "function": {
        "name": "math.factorial",
        "description": "n!",
        "parameters": {"type": "dict", "properties": {"number": {"type": "integer"}}},
    },
}


def model(fake: FakeJudge, **settings: Any) -> EndpointModel:
    quick: dict[str, Any] = {"patience": 20.0, "timeout": 20.0}
    (made,) = models_of([f"tiny={fake.url}"], **(quick | settings))
    return made


async def answers(fake: FakeJudge, settings: Any = (), **asked: Any) -> list[Answer]:
    one = model(fake, **dict(settings))
    try:
        return await one.answer(ASKED, **asked)
    finally:
        await one.aclose()


def called(name: str, arguments: Any) -> Body:
    call = {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"content": None, "tool_calls": [call], "finish_reason": "tool_calls"}


class TestAnswers:
    async def test_what_is_sent_and_what_comes_back(self) -> None:
        reply = {"content": "4", "reasoning_content": "two and two"}
        with fake_judge(lambda _: reply) as fake:
            made = await answers(
                fake,
                {"temperature": 0.7, "top_p": 0.9, "max_tokens": 50, "extra": {"top_k": 5}},
                seed=7,
                min_p=0.1,
                max_tokens=60,
            )
            (body,) = fake.bodies
        assert made == [Answer("4", tokens=10, thinking="two and two")]
        assert Answer.of_json(json.loads(json.dumps(made[0].as_json()))) == made[0]
        assert (body["temperature"], body["top_p"], body["seed"]) == (0.7, 0.9, 7)
        assert (body["max_tokens"], body["top_k"], body["min_p"]) == (60, 5, 0.1)
        assert "n" not in body and "tools" not in body

    async def test_several_answers_come_at_once(self) -> None:
        with fake_judge(lambda body: [str(n) for n in range(body["n"])]) as fake:
            made = await answers(fake, n=3, seed=1)
        assert [one.text for one in made] == ["0", "1", "2"] and len(fake.bodies) == 1

    async def test_or_one_at_a_time_where_an_endpoint_does_no_more(self) -> None:
        def ignores(body: Body) -> str:
            return str(body["seed"])

        def refuses(body: Body) -> Any:
            if "n" in body:
                return {"error": {"message": "'n' must be 1"}, "status": 400}
            return str(body["seed"])

        for answer in (ignores, refuses):
            with fake_judge(answer) as fake:
                made = await answers(fake, n=3, seed=1)
            assert [one.text for one in made] == ["1", "2", "3"]  # no seed twice

    async def test_a_cut_answer_says_so(self) -> None:
        with fake_judge(lambda _: {"content": "4 is", "finish_reason": "length"}) as fake:
            (made,) = await answers(fake)
        assert made.stop_reason == "length" and not made.is_whole

    async def test_fields_that_are_refused_are_left_out(self) -> None:
        def answer(body: Body) -> Any:
            for name in ("seed", "top_p"):
                if name in body:
                    return {"error": {"message": f"unknown field {name}"}, "status": 422}
            return "4"

        with fake_judge(answer) as fake:
            assert (await answers(fake, {"top_p": 0.9}, seed=1))[0].text == "4"

    async def test_a_schema_is_asked_for(self) -> None:
        schema = {
            "type": "object",
            "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
            "required": ["tags"],
        }
        with fake_judge(lambda _: '{"tags": ["sums"]}') as fake:
            (made,) = await answers(fake, schema=schema)
        assert json.loads(made.text) == {"tags": ["sums"]}
        assert fake.bodies[0]["response_format"]["json_schema"]["schema"] == schema


class TestCalls:
    @pytest.mark.parametrize(
        "reply",
        [
            called("math_factorial", '{"number": 5}'),
            called("math_factorial", {"number": 5}),
            '<tool_call>\n{"name": "math_factorial", "arguments": {"number": 5}}\n</tool_call>',
            "[math_factorial(number=5)]",
        ],
    )
    async def test_calls_have_the_names_of_the_record(self, reply: Any) -> None:
        with fake_judge(lambda _: reply) as fake:
            (made,) = await answers(fake, tools=(FACTORIAL,))
        assert made.calls == ({"name": "math.factorial", "arguments": {"number": 5}},)
        assert made.is_whole and made.text == ""
        sent = fake.bodies[0]["tools"][0]["function"]
        assert sent["name"] == "math_factorial"  # the protocol takes no dot
        assert sent["parameters"]["type"] == "object"

    @pytest.mark.parametrize("arguments", ["{", '{"number": NaN}', "[5]", '"5"'])
    async def test_broken_arguments_are_a_fault(self, arguments: str) -> None:
        with fake_judge(lambda _: called("math_factorial", arguments)) as fake:
            (made,) = await answers(fake, tools=(FACTORIAL,))
        assert made.fault and not made.calls and not made.is_whole

    async def test_no_call_is_a_text(self) -> None:
        with fake_judge(lambda _: "I do not know.") as fake:
            (made,) = await answers(fake, tools=(FACTORIAL,))
        assert made == Answer("I do not know.", tokens=10)

    async def test_a_server_that_reads_no_calls_is_told_not_to(self) -> None:
        said = '"auto" tool choice requires --enable-auto-tool-choice to be set'

        def answer(body: Body) -> Any:
            if body.get("tool_choice") != "none":
                return {"error": {"message": said}, "status": 400}
            return '<tool_call>{"name": "math_factorial", "arguments": {"number": 5}}</tool_call>'

        with fake_judge(answer) as fake:
            (made,) = await answers(fake, tools=(FACTORIAL,))
        assert made.calls[0]["arguments"] == {"number": 5} and len(fake.bodies) == 2

    async def test_earlier_calls_and_results_are_paired(self) -> None:
        chat = (
            *ASKED,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"function": {"name": "math.factorial", "arguments": {"number": n}}}
                    for n in (3, 4)
                ],
            },
            {"role": "tool", "content": "6"},
            {"role": "tool", "content": "24"},
        )
        with fake_judge(lambda _: "30") as fake:
            one = model(fake)
            await one.answer(chat, tools=(FACTORIAL,))
            await one.aclose()
        _, calls, *results = fake.bodies[0]["messages"]
        ids = [call["id"] for call in calls["tool_calls"]]
        assert len(set(ids)) == 2 and [one["tool_call_id"] for one in results] == ids
        assert calls["tool_calls"][0]["function"] == {
            "name": "math_factorial",
            "arguments": '{"number": 3}',
        }


def requests(count: int) -> list[Request]:
    return [Request(f"q{n}", ({"role": "user", "content": f"{n}"},)) for n in range(count)]


def echo(body: Body) -> Any:
    return f"<{body['messages'][-1]['content']}>"


async def asked(fake: FakeJudge, folder: Path, count: int, **settings: Any) -> dict[str, str]:
    """Ask, and give the answer's text of each question that is in the store then."""
    one = model(fake, **settings)
    told: list[str] = []
    with Asked.of(one, folder).store() as store:
        try:
            await ask_models(
                [(store, one, requests(count))],
                on_answer=lambda request, _: told.append(request.key),
            )
            assert sorted(told) == sorted(one.key for one in requests(count))
        finally:
            await one.aclose()
        kept = {request.key: answers_in(store, request.key) for request in requests(count)}
        return {key: made[0].text or made[0].fault for key, made in kept.items() if made}


class TestAskAll:
    async def test_nothing_is_asked_twice(self, tmp_path: Path) -> None:
        with fake_judge(echo) as fake:
            assert (await asked(fake, tmp_path, 5))["q3"] == "<3>"
            assert len(await asked(fake, tmp_path, 9)) == 9
            assert len(fake.bodies) == 9
        assert (await asked(fake, tmp_path, 9))["q8"] == "<8>"  # nothing is asked: nobody is there

    async def test_no_more_is_open_or_read_ahead_than_is_taken(self, tmp_path: Path) -> None:
        ahead: list[int] = []
        read = itertools.count()

        def answer(body: Body) -> str:
            ahead.append(next(read) - int(body["messages"][-1]["content"]))
            time.sleep(0.01)
            return "ok"

        drawn = 0

        def stream() -> Any:
            nonlocal drawn
            for request in requests(40):
                drawn += 1
                assert drawn - len(fake.bodies) <= 4 + 1
                yield request

        with fake_judge(answer) as fake:
            one = model(fake, concurrency=4)
            with Asked.of(one, tmp_path).store() as store:
                await ask_models([(store, one, stream())])
            await one.aclose()
        assert len(fake.bodies) == 40

    async def test_an_outage_keeps_what_was_answered(self, tmp_path: Path) -> None:
        given = itertools.count()

        def answer(body: Body) -> Any:
            return echo(body) if next(given) < 6 else (503, {})

        with fake_judge(answer) as fake:
            with pytest.raises(AnswersError) as caught:
                await asked(fake, tmp_path, 20, patience=0.5, concurrency=2)
            message = str(caught.value)
            assert fake.url in message and "HTTP 503" in message and "6 answers are kept" in message
            assert "\n" not in message
            fake.answer = echo
            before = len(fake.bodies)
            assert len(await asked(fake, tmp_path, 20)) == 20
            assert len(fake.bodies) - before == 14

    async def test_one_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        with pytest.raises(Exception, match=r"the model does not answer: .*see that it runs"):
            await asked(FakeJudge(echo), tmp_path, 2, patience=0.2)

    async def test_a_rate_limit_is_kept_to(self, tmp_path: Path) -> None:
        limited: list[float] = []
        answered: list[float] = []

        def answer(body: Body) -> Any:
            now = time.monotonic()
            if not limited:
                limited.append(now)
                return 429, {"retry-after": "1"}
            answered.append(now)
            return echo(body)

        with fake_judge(answer) as fake:
            assert len(await asked(fake, tmp_path, 3, concurrency=1)) == 3
        assert answered[0] - limited[0] >= 1.0

    async def test_a_refusal_of_one_question_is_its_answer(self, tmp_path: Path) -> None:
        def answer(body: Body) -> Any:
            if body["messages"][-1]["content"] in ("0", "4"):
                return {"error": {"message": "too long"}, "status": 400}
            return echo(body)

        with fake_judge(answer) as fake:
            first = await asked(fake, tmp_path, 6, concurrency=1)
            count = len(fake.bodies)
            assert first["q0"].endswith("HTTP 400: too long") and first["q5"] == "<5>"
            assert await asked(fake, tmp_path, 6) == first and len(fake.bodies) == count

    @pytest.mark.parametrize(("status", "most"), [(401, 2), (404, 2), (400, 10)])
    async def test_a_refusal_of_all_is_kept_of_none(
        self, tmp_path: Path, status: int, most: int
    ) -> None:
        with fake_judge(lambda _: (status, {})) as fake:
            with pytest.raises(AnswersError, match=f"HTTP {status}.*0 answers are kept"):
                await asked(fake, tmp_path, 50, concurrency=2)
            assert len(fake.bodies) <= most
            fake.answer = echo
            assert len(await asked(fake, tmp_path, 50)) == 50

    async def test_stopped_by_hand_it_goes_on(self, tmp_path: Path) -> None:
        with fake_judge(echo) as fake:
            one = model(fake, concurrency=2)
            with Asked.of(one, tmp_path).store() as store:
                task = asyncio.create_task(ask_models([(store, one, requests(150))]))
                while len(store) < 5:
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                kept = len(store)
            await one.aclose()
            fake.stop()  # by then it has read what was sent
            before = len(fake.bodies)
            assert before - kept <= 2
            fake.start()
            assert len(await asked(fake, tmp_path, 150)) == 150
            assert len(fake.bodies) - before == 150 - kept

    async def test_of_two_questions_with_one_key_one_is_asked(self, tmp_path: Path) -> None:
        with fake_judge(echo) as fake:
            one = model(fake, concurrency=4)
            with Asked.of(one, tmp_path).store() as store:
                await ask_models([(store, one, [*requests(4), *requests(4)])])
            await one.aclose()
        assert sorted(body["messages"][-1]["content"] for body in fake.bodies) == list("0123")

    async def test_what_is_open_when_another_model_fails_is_kept(self, tmp_path: Path) -> None:
        def slow(body: Body) -> Any:
            time.sleep(0.3)
            return echo(body)

        def refusing(body: Body) -> Any:
            while not good.bodies:
                time.sleep(0.01)
            return 401, {}

        with fake_judge(slow) as good, fake_judge(refusing) as bad:
            both = [model(good, concurrency=2), model(bad, concurrency=1)]
            stores = [Asked.of(both[0], tmp_path / name).store() for name in "ab"]
            with pytest.raises(AnswersError, match="HTTP 401"):
                await ask_models([(stores[n], both[n], requests(50)) for n in range(2)])
            for one in both:
                await one.aclose()
            assert len(stores[0]) == len(good.bodies) < 50
            for store in stores:
                store.close()


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    made = answer_of(Choice("a\ud83d", thinking="\udc00"), Offer(()), 1)
    assert (made.text, made.thinking) == ("a?", "?")


class TestNames:
    def test_one_name_at_several_addresses_is_one_model(self) -> None:
        one, other, third = models_of(
            ["a=http://x/v1/", "b=https://y:8/v1", "a=http://z/v1", "http://w/v1"]
        )
        assert (one.name, other.name, third.name) == ("a", "b", "http://w/v1")

    @pytest.mark.parametrize(
        ("named", "keys", "said"),
        [
            (["gpt"], [], "has no address"),
            (["a=ftp://x"], [], "has no address"),
            (["a=http://x/v1", "b=http://y/v1"], ["KEY"], "2 hosts; say whose it is.*a=KEY"),
            (["a=http://x/v1"], ["c=KEY"], "there is no --model c"),
        ],
    )
    def test_what_cannot_be_told_apart_is_refused(
        self, named: list[str], keys: list[str], said: str
    ) -> None:
        with pytest.raises(SourceError, match=said):
            models_of(named, keys)

    def test_a_number_out_of_range_is_named(self) -> None:
        with pytest.raises(SourceError, match="--model a: temperature: "):
            models_of(["a=http://x/v1"], temperature=3.0)

    async def test_a_key_is_sent_to_its_model_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ONE", "secret-one")
        with fake_judge(echo) as first, fake_judge(echo) as second:
            named = [f"tiny={first.url}", second.url]
            for one in models_of(named, ["tiny=ONE"]):
                await one.answer(ASKED)
                await one.aclose()
            assert (first.keys, second.keys) == (["Bearer secret-one"], ["Bearer none"])
            (lacking,) = models_of([f"tiny={first.url}"], ["NO_SUCH_KEY"])
            with pytest.raises(Exception, match="NO_SUCH_KEY is not set"):
                await lacking.answer(ASKED)

    async def test_a_refused_question_raises(self) -> None:
        with fake_judge(lambda _: (400, {})) as fake, pytest.raises(RefusedError):
            await answers(fake)
