"""A box is used only if it has proven every wall."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.box import Box, BoxLostError
from sandbox.walls import MEANINGS, SOUND, faults

FACTS = {"ready": True, "slots": 1, "cgroups": "v1", "probe": dict(SOUND)}
BREACHES = {
    "uid": 0,
    "processes": [1, 2, 77],
    "capabilities": 1 << 21,
    "no_new_privileges": False,
    "seccomp": False,
    "interfaces": ["lo", "eth0"],
    "read_only": False,
    "nested_namespaces": True,
    "store": True,
}


class Spoken:
    """A transport of which only the first line matters."""

    name = "spoken"

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._lines = [json.dumps(facts).encode() + b"\n", b""]
        self.is_closed = False

    async def readline(self) -> bytes:
        return self._lines.pop(0)

    async def write(self, data: bytes) -> None:
        raise AssertionError("nothing may be asked of it")

    async def close(self) -> None:
        self.is_closed = True

    def last_words(self) -> str:
        return ""


def breached(name: str, value: Any) -> dict[str, Any]:
    return FACTS | {"probe": dict(SOUND) | {name: value}}


def test_sound_walls_have_no_faults() -> None:
    assert faults(FACTS) == []


def test_every_wall_has_a_meaning_and_a_breach_here() -> None:
    assert set(SOUND) == set(MEANINGS) == set(BREACHES)


@pytest.mark.parametrize("name", SOUND)
def test_a_breach_is_one_fault_that_names_it(name: str) -> None:
    found = faults(breached(name, BREACHES[name]))
    assert len(found) == 1
    assert MEANINGS[name] in found[0]
    assert "\n" not in found[0]


@pytest.mark.parametrize("name", SOUND)
def test_what_was_not_looked_at_is_a_fault(name: str) -> None:
    facts = FACTS | {"probe": {key: value for key, value in SOUND.items() if key != name}}
    assert len(faults(facts)) == 1


def test_equal_values_of_another_kind_are_a_fault() -> None:
    assert faults(breached("seccomp", 1))
    assert faults(breached("capabilities", False))


@pytest.mark.parametrize("probe", [None, "sound", {"error": "no answer"}, {}])
def test_without_a_look_there_is_no_proof(probe: Any) -> None:
    assert faults(FACTS | {"probe": probe})
    assert faults({"ready": True})


async def test_a_box_with_a_breach_is_refused_and_ended() -> None:
    transport = Spoken(breached("interfaces", ["lo", "eth0"]))
    with pytest.raises(BoxLostError, match="no network"):
        await Box.greet(transport)
    assert transport.is_closed


async def test_a_box_with_sound_walls_is_taken() -> None:
    transport = Spoken(FACTS)
    box = await Box.greet(transport)
    assert box.slots == 1
    await box.close()
    assert transport.is_closed
