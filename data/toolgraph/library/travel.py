"""Flights, hotels and trains."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def find_cheapest_flight(world: World, origin: str, destination: str, date: str) -> Result:
    """Find the cheapest flight between two cities on a day."""
    if origin == destination:
        raise RefusedCallError("origin and destination are the same")
    flight = world.code("FL", origin, destination, date)
    price = world.number(60, 900, "fare", flight)
    world.know("flight", flight, price=price, date=date, city=destination)
    return {"flight_id": flight, "price": price}


def book_flight(world: World, flight_id: str, passenger: str) -> Result:
    """Book a seat on a flight for a passenger."""
    price = world.row("flight", flight_id)["price"]
    booking = world.add("booking", "BK", flight=flight_id, who=passenger, status="confirmed")
    return {"booking_id": booking, "price": price}


def get_flight_status(world: World, flight_id: str) -> Result:
    """Say whether a flight is on time."""
    world.row("flight", flight_id)
    return {"status": world.draw("status", flight_id).choice(["on time", "delayed", "boarding"])}


def find_hotel(world: World, city: str, checkin: str, nights: int) -> Result:
    """Find the best rated free hotel in a city for some nights."""
    hotel = world.code("HT", city, checkin, nights)
    price = world.number(40, 300, "night", hotel) * nights
    world.know("hotel", hotel, price=price, city=city)
    return {"hotel_id": hotel, "price": price}


def book_hotel(world: World, hotel_id: str, guest: str) -> Result:
    """Book a hotel that was found, for a guest."""
    price = world.row("hotel", hotel_id)["price"]
    booking = world.add("booking", "BK", hotel=hotel_id, who=guest, status="confirmed")
    return {"booking_id": booking, "price": price}


def cancel_booking(world: World, booking_id: str) -> Result:
    """Cancel a booking of a flight, a hotel or a table."""
    row = world.row("booking", booking_id)
    if row["status"] == "cancelled":
        raise RefusedCallError(f"booking {booking_id} is cancelled already")
    row["status"] = "cancelled"
    return {"booking_id": booking_id, "status": "cancelled"}


def find_station(world: World, city: str) -> Result:
    """Find the main railway station of a city."""
    station = world.code("ST", city)
    world.know("station", station, city=city)
    return {"station_id": station}


def next_train(world: World, station_id: str, destination: str, time: str) -> Result:
    """Find the next train from a station to a city after a time of day."""
    if world.row("station", station_id)["city"] == destination:
        raise RefusedCallError("the train would not leave the city")
    minutes = world.number(20, 300, "ride", station_id, destination, time)
    return {"duration": minutes, "price": world.number(9, 120, "rail", station_id, destination)}


_make = partial(make, "travel")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        find_cheapest_flight,
        "find the cheapest flight from {origin} to {destination} on {date}",
        "查询{date}从{origin}到{destination}最便宜的航班",
        {"origin": k.CITY, "destination": k.CITY, "date": k.DATE},
        {"flight_id": k.FLIGHT, "price": k.PRICE},
    ),
    _make(
        book_flight,
        "book the flight with {flight_id} for {passenger}",
        "用{flight_id}为{passenger}预订航班",
        {"flight_id": k.FLIGHT, "passenger": k.PERSON},
        {"booking_id": k.BOOKING, "price": k.PRICE},
    ),
    _make(
        get_flight_status,
        "check the status of the flight with {flight_id}",
        "查询{flight_id}对应航班的状态",
        {"flight_id": k.FLIGHT},
        {"status": k.STATUS},
    ),
    _make(
        find_hotel,
        "find a hotel in {city} from {checkin}, number of nights: {nights}",
        "在{city}查找从{checkin}起住{nights}晚的酒店",
        {"city": k.CITY, "checkin": k.DATE, "nights": k.NIGHTS},
        {"hotel_id": k.HOTEL, "price": k.PRICE},
    ),
    _make(
        book_hotel,
        "book the hotel with {hotel_id} for {guest}",
        "用{hotel_id}为{guest}预订酒店",
        {"hotel_id": k.HOTEL, "guest": k.PERSON},
        {"booking_id": k.BOOKING, "price": k.PRICE},
    ),
    _make(
        cancel_booking,
        "cancel the booking with {booking_id}",
        "取消{booking_id}对应的预订",
        {"booking_id": k.BOOKING},
        {"booking_id": k.BOOKING, "status": k.STATUS},
    ),
    _make(
        find_station,
        "find the main railway station of {city}",
        "查找{city}的主要火车站",
        {"city": k.CITY},
        {"station_id": k.STATION},
    ),
    _make(
        next_train,
        "find the next train to {destination} after {time} from the station with {station_id}",
        "查询{time}之后从{station_id}对应的车站到{destination}的下一班火车",
        {"station_id": k.STATION, "destination": k.CITY, "time": k.TIME},
        {"duration": k.MINUTES, "price": k.PRICE},
    ),
)
