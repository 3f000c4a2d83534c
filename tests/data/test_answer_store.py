"""Answers on disk: kept through kills, shared by processes, refused where they are of others."""

import asyncio
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from data.asking.store import AnswerStore
from data.errors import AnswersError

IDENTITY = {"model": "m", "sampling": {"temperature": 0.5}, "n": 2}


def opened(path: Path, identity: dict[str, Any] = IDENTITY) -> AnswerStore:
    return AnswerStore.open(path, identity)


async def test_what_was_put_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.jsonl"
    with opened(path) as store:
        for number in range(200):
            await store.put(f"k{number}", {"text": "é" * number})
        await store.put("k3", "another")
    with opened(path, dict(reversed(IDENTITY.items()))) as store:
        assert len(store) == 200 and "k3" in store and "no" not in store
        assert store.get("k3") == {"text": "ééé"} and store.get("no") is None
        await store.put("long", "x" * 200_000)
        assert store.get("long") == "x" * 200_000


@pytest.mark.parametrize("left", [1, 7, 20])
async def test_a_torn_line_is_cut_off(tmp_path: Path, left: int) -> None:
    path = tmp_path / "m.jsonl"
    with opened(path) as store:
        await store.put("a", 1)
        whole = path.read_bytes()
        await store.put("b", 2)
    os.truncate(path, len(whole) + left)
    with opened(path) as store:
        assert store.get("a") == 1 and "b" not in store
        await store.put("b", 3)
    with opened(path) as store:
        assert (store.get("a"), store.get("b")) == (1, 3)


async def test_a_torn_first_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"plumb_answ')
    with opened(path) as store:
        await store.put("a", 1)
    with opened(path) as store:
        assert store.get("a") == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "other"}, 'model is "m", and here "other"'),
        ({"sampling": {"temperature": 1.0}}, "0.5"),
        ({"wording": "w"}, 'wording is null, and here "w"'),
    ],
)
def test_answers_to_something_else_are_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    opened(tmp_path / "m.jsonl").close()
    with pytest.raises(AnswersError, match=said) as caught:
        opened(tmp_path / "m.jsonl", IDENTITY | change)
    assert "another folder" in str(caught.value) and "\n" not in str(caught.value)


def test_other_files_and_damage_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text('{"prompt": 1}\n')
    with pytest.raises(AnswersError, match="is no file of answers"):
        opened(path)
    path.unlink()
    opened(path).close()
    path.write_bytes(path.read_bytes() + b"{x}\n")
    with pytest.raises(AnswersError, match=r"line at byte \d+ is damaged"):
        opened(path)


async def test_a_full_disk_is_one_line_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.jsonl"
    write = os.write
    with opened(path) as store:
        await store.put("a", 1)
        monkeypatch.setattr(os, "write", lambda fd, line: write(fd, line[:5]))
        with pytest.raises(AnswersError, match="full; 1 answers are kept: make room"):
            await store.put("b", 2)
        monkeypatch.undo()
        await store.put("b", 3)
    with opened(path) as store:
        assert (store.get("a"), store.get("b")) == (1, 3)


def _writes(path: Path, name: str) -> None:
    async def main() -> None:
        with opened(path) as store:
            for number in range(100):
                await store.put(f"{name}{number}", name * 50)
                await store.put(f"shared{number}", name)

    asyncio.run(main())


def test_several_processes_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    context = multiprocessing.get_context("forkserver")
    workers = [context.Process(target=_writes, args=(path, name)) for name in "abc"]
    with opened(path) as store:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        assert store.get("b99") == "b" * 50  # also for one that was open all the time
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 1 + 400 and len({line.get("key") for line in lines}) == 401
