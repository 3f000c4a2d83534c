"""Weather and restaurants of a city."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def get_weather(world: World, city: str, date: str) -> Result:
    """Forecast the weather of a city on a day."""
    draw = world.draw("weather", city, date)
    return {
        "weather": draw.choice(["sun", "rain", "snow", "clouds", "fog"]),
        "temperature": draw.randint(-9, 36),
    }


def get_sunset(world: World, city: str, date: str) -> Result:
    """Say when the sun sets in a city on a day."""
    minute = world.number(16 * 60, 21 * 60, "sunset", city, date)
    return {"time": f"{minute // 60:02}:{minute % 60:02}"}


def find_restaurant(world: World, city: str, cuisine: str) -> Result:
    """Find the best restaurant of a cuisine in a city."""
    place = world.code("RS", city, cuisine)
    world.know("restaurant", place, city=city)
    return {"restaurant_id": place, "price": world.number(12, 90, "menu", place)}


def reserve_table(world: World, restaurant_id: str, date: str, time: str, guests: int) -> Result:
    """Reserve a table at a restaurant."""
    world.row("restaurant", restaurant_id)
    when = f"{date} {time}"
    booking = world.add(
        "booking", "TB", place=restaurant_id, when=when, guests=guests, status="confirmed"
    )
    return {"booking_id": booking}


def travel_time(world: World, origin: str, destination: str) -> Result:
    """Say how many minutes it takes to drive from one city to another."""
    if origin == destination:
        raise RefusedCallError("origin and destination are the same")
    return {"duration": world.number(30, 900, "drive", *sorted((origin, destination)))}


_make = partial(make, "city")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        get_weather,
        "tell me the weather in {city} on {date}",
        "查询{city}在{date}的天气",
        {"city": k.CITY, "date": k.DATE},
        {"weather": k.CONDITION, "temperature": k.TEMPERATURE},
    ),
    _make(
        get_sunset,
        "tell me when the sun sets in {city} on {date}",
        "查询{city}在{date}的日落时间",
        {"city": k.CITY, "date": k.DATE},
        {"time": k.TIME},
    ),
    _make(
        find_restaurant,
        "find a restaurant in {city}, cuisine: {cuisine}",
        "在{city}查找餐厅，菜系为{cuisine}",
        {"city": k.CITY, "cuisine": k.CUISINE},
        {"restaurant_id": k.PLACE, "price": k.PRICE},
    ),
    _make(
        reserve_table,
        "reserve a table at the restaurant with {restaurant_id} on {date} at {time}, number of "
        "guests: {guests}",
        "在{restaurant_id}对应的餐厅预订{date}的{time}的座位，人数为{guests}",
        {"restaurant_id": k.PLACE, "date": k.DATE, "time": k.TIME, "guests": k.COUNT},
        {"booking_id": k.BOOKING},
    ),
    _make(
        travel_time,
        "tell me how long the drive from {origin} to {destination} takes",
        "查询从{origin}开车到{destination}需要多长时间",
        {"origin": k.CITY, "destination": k.CITY},
        {"duration": k.MINUTES},
    ),
)
