"""People, a calendar, mail and documents."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from data.toolgraph.api import Api, RefusedCallError, World
from data.toolgraph.library import kinds as k
from data.toolgraph.library.making import make

Result = Mapping[str, Any]


def find_contact(world: World, name: str) -> Result:
    """Look up a person's email address."""
    return {"email": f"user{world.number(100, 9999, 'mail', name)}@example.com"}


def create_event(world: World, title: str, date: str, time: str) -> Result:
    """Put an event into the calendar."""
    event = world.add("event", "EV", title=title, date=date, time=time, guests=0)
    return {"event_id": event}


def invite(world: World, event_id: str, email: str) -> Result:
    """Invite an email address to an event of the calendar."""
    row = world.row("event", event_id)
    row["guests"] += 1
    row[f"guest {email}"] = row.get(f"guest {email}", 0) + 1
    return {"guests": row["guests"], "date": row["date"], "time": row["time"]}


def move_event(world: World, event_id: str, date: str) -> Result:
    """Move an event to another day."""
    row = world.row("event", event_id)
    if row["date"] == date:
        raise RefusedCallError(f"event {event_id} is on {date} already")
    row["date"] = date
    return {"event_id": event_id, "time": row["time"]}


def find_document(world: World, title: str) -> Result:
    """Find a document by its title."""
    document = world.code("DC", title)
    world.know("document", document, title=title)
    return {"document_id": document, "pages": world.number(1, 60, "pages", title)}


def share_document(world: World, document_id: str, email: str) -> Result:
    """Share a document with an email address."""
    world.row("document", document_id)[f"for {email}"] = True
    return {"status": "shared"}


_make = partial(make, "office")
TOOLS: Final[tuple[Api, ...]] = (
    _make(
        find_contact,
        "look up the email address of {name}",
        "查找{name}的邮箱",
        {"name": k.PERSON},
        {"email": k.EMAIL},
    ),
    _make(
        create_event,
        'create an event titled "{title}" on {date} at {time}',
        "在{date}的{time}创建标题为“{title}”的日程",
        {"title": k.TITLE, "date": k.DATE, "time": k.TIME},
        {"event_id": k.EVENT},
    ),
    _make(
        invite,
        "invite {email} to the event with {event_id}",
        "邀请{email}参加{event_id}对应的日程",
        {"event_id": k.EVENT, "email": k.EMAIL},
        {"guests": k.GUESTS, "date": k.DATE, "time": k.TIME},
    ),
    _make(
        move_event,
        "move the event with {event_id} to {date}",
        "将{event_id}对应的日程改到{date}",
        {"event_id": k.EVENT, "date": k.DATE},
        {"event_id": k.EVENT, "time": k.TIME},
    ),
    _make(
        find_document,
        'find the document titled "{title}"',
        "查找标题为“{title}”的文档",
        {"title": k.TITLE},
        {"document_id": k.DOCUMENT, "pages": k.PAGES},
    ),
    _make(
        share_document,
        "share the document with {document_id} with {email}",
        "将{document_id}对应的文档分享给{email}",
        {"document_id": k.DOCUMENT, "email": k.EMAIL},
        {"status": k.STATUS},
    ),
)
