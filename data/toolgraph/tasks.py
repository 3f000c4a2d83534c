"""Records out of the graph: conversations whose next calls are known, as they were executed.

Two forms: what is asked for is the next step, with the conversation up to it and the calls of the
last step as the reference; or a whole episode, with the first request alone, the further ones in
the metadata, and the calls of every step as the reference, for the environment `toolgraph`.

Guarantees: replaying the trace in the metadata gives the recorded results; difficulties take turns
by their weights, and the tools that paths lead to take turns; no two records are the same; record
number i depends on the settings and on the records before it alone.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from data.schema import Record
from data.shares import Shares
from data.toolgraph.api import LANGUAGES, Language, RefusedCallError, ToolGraphError, World
from data.toolgraph.graph import Graph
from data.toolgraph.plans import Plan, Taken, sample_plan
from data.toolgraph.running import Trace, execute
from data.toolgraph.wording import asked_at_once, asked_in_turn, reply

Difficulty = Literal["easy", "medium", "hard"]
SHAPES: Final[Mapping[Difficulty, tuple[tuple[int, int], ...]]] = {
    "easy": ((1, 1),),
    "medium": ((1, 2), (2, 1)),
    "hard": ((1, 3), (2, 2), (3, 1), (3, 2), (4, 1), (5, 1)),
}
"""Lengths and breadths of paths by difficulty."""
OFFERED: Final[Mapping[Difficulty, int]] = {"easy": 4, "medium": 8, "hard": 14}
"""Tools on offer, those of the path among them, where there are as many."""
VERSION: Final = 2
"""Of what `metadata.tool_graph` says and of what simulated tools give."""
TRIES: Final = 200
"""Paths that are sampled for one record."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What tasks are made.

    Attributes:
        count: records.
        seed: decides everything that is drawn.
        difficulties: weights.
        languages: that take turns.
        length, breadth: most of a path; shapes beyond are left out.
        episodes: whether records are whole episodes.
    """

    count: int
    seed: int = 0
    difficulties: Mapping[Difficulty, float] = field(
        default_factory=lambda: {"easy": 1.0, "medium": 1.0, "hard": 1.0}
    )
    languages: Sequence[Language] = LANGUAGES
    length: int = 5
    breadth: int = 3
    episodes: bool = False

    def shapes(self, difficulty: Difficulty) -> list[tuple[int, int]]:
        """The shapes of a difficulty that may be had."""
        found = [
            (length, breadth)
            for length, breadth in SHAPES[difficulty]
            if length <= self.length and breadth <= self.breadth
        ]
        if not found:
            raise ToolGraphError(
                f"no {difficulty} task has at most {self.length} steps and {self.breadth} calls "
                "at once; raise the length or the breadth"
            )
        return found


def make_tasks(graph: Graph, wanted: Wanted) -> Iterator[Record]:
    """The records, one by one.

    Raises:
        ToolGraphError: No more different tasks of a kind can be found.
    """
    names = [name for name, weight in wanted.difficulties.items() if weight > 0]
    if not names or not wanted.languages:
        raise ToolGraphError("no difficulty or no language is wanted; name at least one of each")
    shares = Shares([wanted.difficulties[name] for name in names])
    shapes = {name: wanted.shapes(name) for name in names}
    made: set[str] = set()
    turns: dict[tuple[str, tuple[int, int], Language], count[int]] = {}
    for number in range(wanted.count):
        difficulty = names[shares.next()]
        rng = random.Random(f"{wanted.seed}/{number}")
        shape = rng.choice(shapes[difficulty])
        language = wanted.languages[number % len(wanted.languages)]
        goals = sorted(graph.apis)
        turn = turns.setdefault((difficulty, shape, language), count())
        for _ in range(TRIES):
            goal = goals[next(turn) % len(goals)]
            record = _tried(graph, rng, goal, shape, difficulty, language, whole=wanted.episodes)
            if record is not None and record.id not in made:
                made.add(record.id)
                yield record
                break
        else:
            raise ToolGraphError(
                f"after {number} tasks no other {difficulty} one of {shape[0]} steps and "
                f"{shape[1]} calls at once was found in {TRIES} tries; ask for fewer, or add tools"
            )


def _tried(
    graph: Graph,
    rng: random.Random,
    goal: str,
    shape: tuple[int, int],
    difficulty: Difficulty,
    language: Language,
    *,
    whole: bool,
) -> Record | None:
    """A record, unless no such path leads to the goal, or a tool refuses."""
    length, breadth = shape
    plan = sample_plan(graph, rng, goal, length=length, breadth=breadth, language=language)
    if plan is None:
        return None
    world = f"{rng.getrandbits(48):012x}"
    try:
        trace = execute(plan, World(world))
    except RefusedCallError:
        return None
    in_turn = length > 1 and rng.random() < 0.5
    messages = _messages(plan, trace, language, in_turn, rng.randrange(12))
    facts: dict[str, Any] = {
        "version": VERSION,
        "world": world,
        "given": 0 if whole else length - 1,
        "asks": [one["content"] for one in messages[1:] if whole and one["role"] == "user"],
        "difficulty": difficulty,
        "length": length,
        "breadth": breadth,
        "turns": length if in_turn else 1,
        "path": [[one.name for one in step] for step in trace],
        "links": _links(plan),
        "trace": [[one.to_json() for one in step] for step in trace],
    }
    wanted: list[Any] = [
        [{"name": c.name, "arguments": dict(c.arguments)} for c in step] for step in trace
    ]
    return Record(
        messages=messages[:1] if whole else messages,
        task="tool",
        reference=wanted if whole else wanted[-1],
        environment="toolgraph",
        tools=_offered(graph, plan, rng, OFFERED[difficulty]),
        source="toolgraph",
        language=language,
        metadata={"tool_graph": facts},
    )


def _messages(
    plan: Plan, trace: Trace, language: Language, in_turn: bool, manner: int
) -> tuple[dict[str, Any], ...]:
    """The conversation up to where the last step's calls are to be made."""
    said = asked_in_turn(plan, language, manner) if in_turn else []
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": said[0] if said else asked_at_once(plan, language, manner)}
    ]
    for number, step in enumerate(trace[:-1]):
        calls = [
            {
                "type": "function",
                "function": {"name": one.name, "arguments": dict(one.arguments)},
            }
            for one in step
        ]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        for one in step:
            content = json.dumps(one.result, ensure_ascii=False)
            messages.append({"role": "tool", "name": one.name, "content": content})
        if said:
            answer = reply([one.result for one in step], language)
            messages.append({"role": "assistant", "content": answer})
            messages.append({"role": "user", "content": said[number + 1]})
    return tuple(messages)


def _offered(graph: Graph, plan: Plan, rng: random.Random, size: int) -> tuple[dict[str, Any], ...]:
    """The tools of the path among others, those of its domains first."""
    used = list(dict.fromkeys(call.api.name for step in plan for call in step))
    domains = {graph.apis[name].domain for name in used}
    others = rng.sample(sorted(graph.apis), len(graph.apis))
    others.sort(key=lambda name: graph.apis[name].domain not in domains)
    chosen = [*used, *(name for name in others if name not in used)][: max(size, len(used))]
    rng.shuffle(chosen)
    return tuple(graph.apis[name].declaration() for name in chosen)


def _links(plan: Plan) -> list[dict[str, Any]]:
    """Which arguments were taken from which results, and by what they were known to fit."""
    return [
        {
            "step": number,
            "call": position,
            "parameter": parameter,
            "of_step": value.step,
            "field": value.field,
            "by": value.reason,
        }
        for number, step in enumerate(plan)
        for position, call in enumerate(step)
        for parameter, value in call.arguments.items()
        if isinstance(value, Taken)
    ]
