"""Devices of a house."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def find_lamp(world: World, room: str) -> Result:
    """Find the lamp of a room."""
    device = world.code("LP", room)
    world.know("device", device, level=world.number(0, 100, "level", room))
    return {"device_id": device}


def set_brightness(world: World, device_id: str, level: int) -> Result:
    """Set a lamp to a level from 0 to 100; gives the level that it had before."""
    row = world.row("device", device_id)
    before, row["level"] = row["level"], level
    return {"level_before": before, "status": "done"}


def set_timer(world: World, device_id: str, minutes: int) -> Result:
    """Have a lamp go out after some minutes."""
    world.row("device", device_id)["timer"] = minutes
    return {"status": "timer set"}


def set_heating(world: World, room: str, degrees: int) -> Result:
    """Heat a room to a temperature; gives the one that it has now."""
    row = world.know("room", room, degrees=world.number(10, 27, "now", room))
    before, row["degrees"] = row["degrees"], degrees
    return {"temperature": before, "status": "heating"}


_make = partial(make, "home")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        find_lamp,
        "find the lamp in the {room}",
        "查找{room}里的灯",
        {"room": k.ROOM},
        {"device_id": k.DEVICE},
    ),
    _make(
        set_brightness,
        "set the lamp with {device_id} to level {level}",
        "将{device_id}对应的灯的亮度设为{level}",
        {"device_id": k.DEVICE, "level": k.LEVEL},
        {"level_before": k.LEVEL, "status": k.STATUS},
    ),
    _make(
        set_timer,
        "switch the lamp with {device_id} off after {minutes} minutes",
        "让{device_id}对应的灯在{minutes}分钟后关闭",
        {"device_id": k.DEVICE, "minutes": k.MINUTES},
        {"status": k.STATUS},
    ),
    _make(
        set_heating,
        "heat the {room} to {degrees} degrees",
        "把{room}加热到{degrees}度",
        {"room": k.ROOM, "degrees": k.DEGREES},
        {"temperature": k.TEMPERATURE, "status": k.STATUS},
    ),
)
