"""The endpoint as OpenAI's client, and a hostile one, sees it."""

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest

from rl.endpoint import delivery, server
from tests.rl.endpoint_world import (
    ASKED,
    TOOL,
    Speaker,
    calls,
    check_token_rule,
    client_of,
    episode,
    recorder_of,
)

PATIENCE = 120.0  # seconds for what has to happen; nothing here takes so long


async def until(check: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not check():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_tool_loop_by_openai_s_client_is_one_trajectory(streamed: bool) -> None:
    turns = iter([f"<think>\nhm\n</think>\n\nLet me see.{calls('a', 'b c')}", "It is seven."])
    speaker = Speaker(lambda text: next(turns))
    recorder = recorder_of(speaker)
    messages: list[Any] = list(ASKED)
    async with client_of(recorder) as client:
        assert [one.id async for one in client.models.list()] == ["policy"]
        for _ in range(2):
            asked: dict[str, Any] = {"model": "gpt-5", "messages": messages, "tools": [TOOL]}
            if streamed:
                async with client.chat.completions.stream(
                    **asked, stream_options={"include_usage": True}
                ) as stream:
                    got = await stream.get_final_completion()
            else:
                got = await client.chat.completions.create(**asked)
            choice = got.choices[0]
            assert got.usage is not None and got.usage.completion_tokens == len(speaker.seen[-1][1])
            messages.append(choice.message.model_dump())
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": "7"}
                for call in choice.message.tool_calls or ()
            ]
        assert choice.finish_reason == "stop"
        assert choice.message.content == "It is seven."
    first = messages[1]
    assert first["content"] == "Let me see."
    told = [json.loads(one["function"]["arguments"]) for one in first["tool_calls"]]
    assert told == [{"x": "a"}, {"x": "b c"}]
    assert recorder.counts == {"begun": 1, "followed": 1}
    check_token_rule(recorder, speaker)
    assert [one["role"] for one in recorder.episode("stop").messages] == [
        "user", "assistant", "tool", "tool", "assistant"
    ]  # fmt: skip


async def test_a_request_that_timed_out_is_sampled_once() -> None:
    """By OpenAI's client, which sends it again by itself."""
    speaker = Speaker(lambda text: "Seven.", gate=asyncio.Event())
    recorder = recorder_of(speaker)

    async def open_later() -> None:
        await until(lambda: recorder.counts["retried"] >= 1)
        assert speaker.gate is not None
        speaker.gate.set()

    async with client_of(recorder, timeout=0.5, max_retries=9) as client:
        opener = asyncio.create_task(open_later())
        got = await client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]
        await opener
    assert got.choices[0].message.content == "Seven."
    assert len(speaker.seen) == 1
    check_token_rule(recorder, speaker)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_client_that_goes_and_asks_again_gets_the_same_answer(streamed: bool) -> None:
    speaker = Speaker(lambda text: "Seven.", gate=asyncio.Event())
    assert speaker.gate is not None
    recorder = recorder_of(speaker)
    body = {"messages": ASKED, "stream": streamed}
    async with (
        episode(recorder) as (endpoint, address),
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        url = f"{endpoint.host}{address.path}/chat/completions"
        headers = {"Authorization": f"Bearer {address.key}"}

        async def ask() -> str:
            async with client.stream("POST", url, json=body, headers=headers) as answer:
                return (await answer.aread()).decode()

        gone = asyncio.create_task(ask())
        await until(lambda: len(speaker.asked) == 1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        (exchange,) = next(iter(recorder._exchanges._by_key.values()))
        await until(lambda: exchange.is_lost)
        again = asyncio.create_task(ask())
        await until(lambda: recorder.counts["retried"] >= 1)
        speaker.gate.set()
        assert "Seven." in await again
        assert "Seven." in await ask()  # that one had its answer, and wants another
    assert len(speaker.seen) == 2
    assert len(recorder.trajectories) == 2
    check_token_rule(recorder, speaker)


async def test_equal_requests_at_once_are_samples_of_their_own() -> None:
    speaker = Speaker(lambda text: "Seven.", gate=asyncio.Event())
    assert speaker.gate is not None
    recorder = recorder_of(speaker)
    async with client_of(recorder) as client:
        asked = [client.chat.completions.create(model="m", messages=ASKED) for _ in range(3)]  # type: ignore[arg-type]
        got = asyncio.gather(*asked)
        await until(lambda: len(speaker.asked) == 3)
        speaker.gate.set()
        await got
    assert len(recorder.trajectories) == 3


async def test_a_stream_is_kept_alive_while_the_policy_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "PING_SECONDS", 0.05)
    speaker = Speaker(lambda text: "Seven.", gate=asyncio.Event())
    assert speaker.gate is not None
    async with (
        episode(recorder_of(speaker)) as (endpoint, address),
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        url = f"{endpoint.host}{address.path}/chat/completions"
        headers = {"Authorization": f"Bearer {address.key}"}
        body = {"messages": ASKED, "stream": True}
        async with client.stream("POST", url, json=body, headers=headers) as answer:
            lines = answer.aiter_lines()
            async for line in lines:
                if line.startswith(": "):
                    speaker.gate.set()
            assert line == "" and answer.status_code == 200


async def test_keys_open_their_own_episode_while_it_lasts() -> None:
    speakers = [Speaker(lambda text: "ok"), Speaker(lambda text: "ok")]
    async with server.serving() as endpoint, httpx.AsyncClient(timeout=PATIENCE) as client:

        async def status(path: str, key: str | None) -> int:
            headers = {} if key is None else {"Authorization": key}
            url = f"{endpoint.host}{path}/chat/completions"
            asked = await client.post(url, json={"messages": ASKED}, headers=headers)
            known = await client.get(f"{endpoint.host}{path}/models", headers=headers)
            assert known.status_code == asked.status_code
            assert asked.status_code == 200 or "OPENAI_API_KEY" in asked.json()["error"]["message"]
            return asked.status_code

        one, two = (recorder_of(speaker) for speaker in speakers)
        async with endpoint.episode(one) as mine:
            async with endpoint.episode(two) as other:
                assert await status(mine.path, f"Bearer {mine.key}") == 200
                assert await status(mine.path, f"Bearer {other.key}") == 401
                assert await status(other.path, f"Bearer {mine.key}") == 401
                for wrong in (None, "", "Bearer", "Bearer x", mine.key, f"Basic {mine.key}"):
                    assert await status(mine.path, wrong) == 401
                assert await status("/nobody/v1", f"Bearer {mine.key}") == 401
            assert await status(other.path, f"Bearer {other.key}") == 401  # revoked
            assert await status(mine.path, f"Bearer {mine.key}") == 200
    assert [len(speaker.seen) for speaker in speakers] == [2, 0]


async def test_what_is_asked_after_the_end_is_not_sampled() -> None:
    """Also where the body came in time and the rest did not."""
    speaker = Speaker(lambda text: "ok")
    recorder = recorder_of(speaker)
    async with server.serving() as endpoint:
        async with endpoint.episode(recorder) as address:
            reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
            body = json.dumps({"messages": ASKED}).encode()
            head = (
                f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {address.key}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body[:5])
            await writer.drain()
            await asyncio.sleep(0.2)
        writer.write(body[5:])
        assert b" 401 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
    assert not speaker.asked


async def test_a_huge_body_is_refused_unread() -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"), tokens=1000)
    async with (
        episode(recorder) as (endpoint, address),
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        url = f"{endpoint.host}{address.path}/chat/completions"
        headers = {"Authorization": f"Bearer {address.key}"}
        told = await client.post(url, content=b"x" * (50 << 20), headers=headers)
        assert told.status_code == 413

        async def unsized() -> Any:
            for _ in range(50):
                yield b"x" * (1 << 20)

        told = await client.post(url, content=unsized(), headers=headers)
        assert told.status_code == 413
        deep = await client.post(url, content=b"[" * 500_000, headers=headers)
        assert deep.status_code == 400
        fine = await client.post(url, json={"messages": ASKED}, headers=headers)
        assert fine.status_code == 200


async def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BODY_SECONDS", 0.2)
    async with episode(recorder_of(Speaker(lambda text: "ok"))) as (endpoint, address):
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(
            f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            f"Authorization: Bearer {address.key}\r\n\r\n{{".encode()
        )
        assert b" 408 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()


async def test_refusals_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_REFUSED", 3)
    recorder = recorder_of(Speaker(lambda text: "ok"))
    async with client_of(recorder, max_retries=0) as client:
        for _ in range(3):
            with pytest.raises(openai.BadRequestError, match="temperature=0 would change"):
                await client.chat.completions.create(
                    model="m",
                    messages=ASKED,  # type: ignore[arg-type]
                    temperature=0,
                )
        with pytest.raises(openai.PermissionDeniedError, match="too many"):
            await client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refusal_has_its_status_in_a_stream_too(streamed: bool) -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"), turns=1)
    async with client_of(recorder, max_retries=0) as client:
        await client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]
        with pytest.raises(openai.PermissionDeniedError, match=r"episode\.turns"):
            await client.chat.completions.create(
                model="m",
                messages=ASKED,  # type: ignore[arg-type]
                stream=streamed,
            )
    assert recorder.counts["refused"] == 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_policy_that_fails_is_no_answer(streamed: bool) -> None:
    broken = RuntimeError("no engine at 10.0.0.7")
    recorder = recorder_of(Speaker(lambda text: "ok", error=broken))
    async with client_of(recorder, max_retries=0) as client:
        with pytest.raises(openai.APIError, match="cannot be sampled") as told:
            got = await client.chat.completions.create(
                model="m",
                messages=ASKED,  # type: ignore[arg-type]
                stream=streamed,
            )
            async for _ in got:  # type: ignore[attr-defined]
                pass
    assert "10.0.0.7" not in str(told.value)
    assert recorder.failure is broken and recorder.failed.is_set()
    assert not recorder.trajectories


async def test_other_addresses_are_told_what_there_is() -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"))
    async with (
        episode(recorder) as (endpoint, address),
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        base = f"{endpoint.host}{address.path}"
        for told in (
            await client.post(f"{base}/responses", json={}),
            await client.get(f"{base}/chat/completions"),
            await client.get(f"{endpoint.host}/docs"),
        ):
            assert told.status_code == 404
            assert "chat completions" in told.json()["error"]["message"]


async def test_the_episode_s_end_waits_for_what_is_being_sampled() -> None:
    speaker = Speaker(lambda text: "a long answer", gate=asyncio.Event())
    assert speaker.gate is not None
    recorder = recorder_of(speaker)
    async with episode(recorder) as (endpoint, address):
        _, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        body = json.dumps({"messages": ASKED}).encode()
        writer.write(
            f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {address.key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await until(lambda: len(speaker.asked) == 1)
        writer.close()
        asyncio.get_running_loop().call_later(0.2, speaker.gate.set)
    assert recorder.episode("stop").response == "a long answer"
    check_token_rule(recorder, speaker)
