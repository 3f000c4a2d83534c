"""Duplicates: planted ones are found, other exercises stay, and nothing depends on the parts."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.duplicates import candidates
from data.duplicates.gathered import Gathered
from data.duplicates.join import Joined, Settings, join
from data.duplicates.sets import DisjointSets
from data.duplicates.shingles import BANDS, grams_of, similarity
from data.duplicates.signatures import numbers_of, sign_part
from data.duplicates.verdicts import CONFLICT, EXACT, NEAR, Verdicts, apply_verdicts
from data.errors import DataError, SourceError
from data.plain_text import plain, squeezed
from data.records import write_records
from data.schema import Record

WORDS = [
    "".join(random.Random(seed).choices("abcdefghijklmnoprstuvwz", k=3 + seed % 8))
    for seed in range(800)
]


def record(text: str, reference: Any = "7", task: str = "math", **more: Any) -> Record:
    messages = more.pop("messages", [{"role": "user", "content": text}])
    return Record(messages=messages, task=task, reference=reference, **more)


def joined(
    tmp_path: Path, records: Sequence[Record], rows: int = 256, settings: Settings | None = None
) -> Joined:
    folder = tmp_path / f"parts{len(list(tmp_path.iterdir()))}"
    files = []
    for start in range(0, len(records), rows):
        part = folder / f"part_{start:06d}.parquet"
        write_records(part, records[start : start + rows])
        files.append(folder / f"{start:06d}.arrow")
        sign_part(part, files[-1])
    found = join(files, folder / "scratch", settings)
    assert not (folder / "scratch").exists()
    return found


def against(found: Joined) -> dict[int, tuple[str, str]]:
    """Reason and detail by row over all parts."""
    rows: dict[int, tuple[str, str]] = {}
    start = 0
    for one in found.verdicts:
        rows |= {start + at: (v.reason, v.detail) for at, v in one.against.items()}
        start += one.rows
    return rows


def text_of(draw: random.Random) -> str:
    return " ".join([*draw.choices(WORDS, k=draw.randint(25, 60)), str(draw.randrange(10**6))])


def similar(text: str, draw: random.Random) -> str | None:
    """The text with words exchanged, at a similarity of 0.8 to 0.9; None if it passed that."""
    words = text.split()
    for _ in range(len(words) // 25):
        words[draw.randrange(len(words) - 1)] = draw.choice(WORDS)
    while True:
        words[draw.randrange(len(words) - 1)] = draw.choice(WORDS)
        alike = similarity(*(grams_of(squeezed(plain(t))) for t in (text, " ".join(words))))
        if alike < 0.9:
            return " ".join(words) if alike >= 0.8 else None


def test_planted_near_duplicates_are_found_and_others_are_not(tmp_path: Path) -> None:
    draw = random.Random(1)
    texts = [text_of(draw) for _ in range(1000)]
    planted = [near for text in texts if (near := similar(text, draw)) is not None]
    assert len(planted) > 300
    found = joined(tmp_path, [record(text) for text in [*texts, *planted]])
    rows = against(found)
    assert sum(row < 1000 for row in rows) <= 1  # 0.1 %
    assert sum(row >= 1000 for row in rows) >= 0.99 * len(planted)
    assert {reason for reason, _ in rows.values()} == {NEAR}
    assert all(0.8 <= float(detail.split()[1]) <= 0.9 for _, detail in rows.values())


def test_parts_change_nothing(tmp_path: Path) -> None:
    draw = random.Random(2)
    texts = [text_of(draw) for _ in range(150)]
    records = [record(text, reference=str(n // 160)) for n, text in enumerate(texts + texts[:40])]
    records += [record(similar(text, draw) or text, reference="0") for text in texts[:60]]
    draw.shuffle(records)
    first, second = (joined(tmp_path, records, rows) for rows in (7, 1000))
    assert against(first) == against(second)
    assert (first.counts, first.clusters) == (second.counts, second.clusters)
    assert {EXACT, NEAR, CONFLICT} == {*first.counts}


TEXT = (
    "A train leaves Rome at noon with 40 people on board and arrives in Pisa with 28 in the "
    "evening; how many left it?"
)


def choice(one: str, two: str, three: str, reference: str = "") -> Record:
    options = f"(A) {one}\n(B) {two}\n(C) {three}\n\nEnter the letter of the correct option."
    return record(
        f"{TEXT} What does its way look like on the map?{options}", reference or f"C) {three}"
    )


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        # exact: case, spacing and LaTeX do not count
        (record("Find $\\frac{1}{2}+x$", "1"), record("find \\(\\dfrac12 + X\\).", "1"), EXACT),
        (record("Find $\\frac{1}{2}+x$", "1/2"), record("find $1/2+x$", "0.5"), EXACT),
        (record("Find x", "1"), record("Find x", "2"), CONFLICT),
        (record("Find x", "1"), record("Find x", None), EXACT),
        (record("Find x - 1"), record("Find x + 1"), None),
        # near: one exercise only where numbers and answer are the same
        (record(TEXT, "12"), record(TEXT.replace("Rome", "Bari"), "12"), NEAR),
        (record(TEXT, "12"), record(TEXT.replace("40", "41"), "13"), None),
        (record(TEXT, "12"), record(TEXT.replace("40", "41"), "12"), None),
        (record(TEXT, "12"), record(TEXT.replace("left it", "are on it"), "28"), None),
        (record(TEXT, "12"), record("3. " + TEXT, "12"), NEAR),
        (record(TEXT, "12"), record("(5 points) " + TEXT, "\\boxed{12}"), NEAR),
        # tests of code may differ and both be right
        (record("Sort.", {"tests": [1]}, "code"), record("sort", {"tests": [2]}, "code"), EXACT),
        # settings of one formula are no other formula
        (
            record(f"{TEXT} Write it as $\\frac{{m + n\\pi}}{{p}},$ where $p$ is odd.", "12"),
            record(f"{TEXT} Write it as ${{m+n\\pi\\over p}}$ where p is odd!!", "12"),
            NEAR,
        ),
        # an option is known by its text
        (choice("Line", "Circle", "Plane"), choice("Ray", "Circle", "Plane"), NEAR),
        (choice("Line", "Circle", "Plane"), choice("Ray", "Circle", "Edge"), None),
        (choice("Line", "Ray", "Plane", "C"), choice("Line", "Ray", "Edge", "C"), None),
        (choice("Line", "Ray", "Plane", "C"), choice("Ray", "Line", "Plane", "C) Plane"), NEAR),
        # what stands around the text counts
        (record("Now", [], "tool"), record("Now", [], "tool", tools=({"type": "f"},)), None),
        (record("Now", [], "tool"), record("Now", [{"name": "now"}], "tool"), CONFLICT),
        (record("Now", None, "text"), record("Now", "7", "math"), None),
        (record("", "7"), record("", "8"), None),
    ],
)
def test_pairs(tmp_path: Path, first: Record, second: Record, reason: str | None) -> None:
    for pair in ([first, second], [second, first]):
        found = {**against(joined(tmp_path, pair))}
        if reason == CONFLICT:
            assert {row: why for row, (why, _) in found.items()} == {0: CONFLICT, 1: CONFLICT}
        elif reason is None:
            assert not found
        else:
            dropped = 1 if pair[0].reference is not None else 0
            assert {row: why for row, (why, _) in found.items()} == {dropped: reason}


@pytest.mark.parametrize(
    ("this", "that"),
    [
        ("$\\sin x$", "$\\cos x$"),
        ("$\\log x$", "$\\ln x$"),
        ("$x + y$", "$x - y$"),
        ("$x^2 + y$", "$x + y^2$"),
        ("$x < y$", "$x \\le y$"),
        ("$(\\rho, \\theta, \\phi)$", "$(r, \\theta, z)$"),
        ("angle $B$", "angle $C$"),
        ("the sum of both", "the product of both"),
        ("the least of both", "the largest of both"),
        ("the area of both", "the perimeter of both"),
        ("in polar coordinates", "in spherical coordinates"),
        ("two of both", "three of both"),
        ("a real number", "an irrational number"),
    ],
)
def test_another_formula_is_another_question(tmp_path: Path, this: str, that: str) -> None:
    """Whatever the answers are: a letter or a small number may well be the same by chance."""
    records = [record(f"{TEXT} {TEXT} Find {one} then.", "12") for one in (this, that)]
    alike = similarity(*(grams_of(squeezed(plain(one.request()))) for one in records))
    assert alike >= 0.8
    assert not against(joined(tmp_path, records))
    assert joined(tmp_path, records, settings=Settings(siblings="drop")).counts == {NEAR: 1}


def test_a_system_message_counts_where_it_is_part_of_the_question(tmp_path: Path) -> None:
    def asked(system: str, task: str) -> Record:
        user = {"role": "user", "content": "Tell me about Rome."}
        return record("", None, task, messages=[{"role": "system", "content": system}, user])

    assert against(joined(tmp_path, [asked("Box it.", "math"), asked("Think.", "math")]))
    assert not against(joined(tmp_path, [asked("Be a pirate.", "text"), asked("Rhyme.", "text")]))


def test_siblings_are_counted_and_go_if_it_is_asked(tmp_path: Path) -> None:
    records = [record(TEXT, "12"), record(TEXT.replace("40", "41"), "13")]
    assert joined(tmp_path, records).siblings == 1
    found = joined(tmp_path, records, settings=Settings(siblings="drop"))
    assert against(found)[1][0] == NEAR
    assert not against(joined(tmp_path, records, settings=Settings(1.0, "drop")))
    with pytest.raises(DataError, match=r"0\.5"):
        Settings(0.5)


def test_a_template_costs_linear_work_and_its_copies_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand rows that share most of their bands; a tenth is repeated with a word changed."""

    def made(n: int, place: str) -> Record:
        return record(f"{TEXT} In {place} it was {n} o'clock when all of them had gone.", str(n))

    records = [made(n, "Pisa") for n in range(1000)] + [made(n, "Bari") for n in range(0, 1000, 10)]
    counted = []
    original = candidates.promising

    def promising(
        gathered: Gathered, pairs: candidates.Pairs, threshold: float
    ) -> candidates.Pairs:
        counted.append(len(pairs[0]))
        return original(gathered, pairs, threshold)

    monkeypatch.setattr("data.duplicates.join.promising", promising)
    found = against(joined(tmp_path, records, rows=500))
    assert {row for row, (reason, _) in found.items() if reason == NEAR} == {*range(1000, 1100)}
    assert sum(counted) <= BANDS * candidates.SMALL * len(records)


def test_rows_of_one_cluster_keep_the_first_and_say_so(tmp_path: Path) -> None:
    records = [record(TEXT, "12", source="org/trains")]
    records += [record(TEXT.replace("Rome", name), "12") for name in ("Bari", "Como", "Rome")]
    records.append(record("What is 2 + 2?", "4", metadata={"kept": True}))
    found = joined(tmp_path, records)
    (verdicts,) = found.verdicts
    outcome = apply_verdicts(records, verdicts)
    assert [one.metadata for one in outcome.kept] == [{"near_duplicates": 3}, {"kept": True}]
    assert {drop.reason for drop in outcome.dropped} == {NEAR, EXACT}
    assert all(f"{records[0].id} of org/trains" in drop.detail for drop in outcome.dropped)
    assert found.clusters == {4: 1}
    with pytest.raises(DataError, match="was changed"):
        apply_verdicts(records[:2], verdicts)


def test_contradictions_are_for_review(tmp_path: Path) -> None:
    records = [record("Find x", "1"), record("find $x$", "2"), record("Find y", "1")]
    (verdicts,) = joined(tmp_path, records).verdicts
    outcome = apply_verdicts(records, verdicts)
    assert list(outcome.kept) == [records[2]]
    assert [(drop.reason, drop.detail) for drop in outcome.review] == [(CONFLICT, "1 ≠ 2")] * 2


def test_no_rows_and_broken_files(tmp_path: Path) -> None:
    assert joined(tmp_path, []).verdicts == []
    assert joined(tmp_path, [record("")]).verdicts == [Verdicts(1)]
    broken = tmp_path / "broken.arrow"
    broken.write_bytes(b"ARROW1")
    with pytest.raises(SourceError, match="broken"):
        join([broken], tmp_path / "scratch")
    with pytest.raises(SourceError, match="cannot be made"):
        sign_part(broken, tmp_path / "out.arrow")
    assert not (tmp_path / "out.arrow").exists()


def test_memory_of_maps_is_given_back_and_nothing_is_lost(tmp_path: Path) -> None:
    part, file = tmp_path / "part_000000.parquet", tmp_path / "0.arrow"
    write_records(part, [record(f"{TEXT} {n}") for n in range(4000)])
    sign_part(part, file)
    gathered = Gathered([file], tmp_path)
    before = gathered.sketch.copy(), gathered.bands.copy()

    def resident() -> int:
        maps = Path("/proc/self/smaps").read_text().split("sketch")[1]
        return int(maps.split("Rss:")[1].split()[0])

    assert gathered.sketch.sum() > 0
    held = resident()
    gathered.release()
    assert resident() < held
    assert (gathered.sketch == before[0]).all()
    assert (gathered.bands == before[1]).all()
    gathered.close()


def test_numbers_of_a_text() -> None:
    assert numbers_of("3.find12and4.5") == ["12", "4", "5"]
    assert numbers_of("3.5is12") == ["3", "5", "12"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_disjoint_sets(pairs: list[tuple[int, int]]) -> None:
    sets = DisjointSets(31)
    groups = {n: {n} for n in range(31)}
    for one, other in pairs:
        sets.join(one, other)
        merged = groups[one] | groups[other]
        groups.update(dict.fromkeys(merged, merged))
    assert sets.roots().tolist() == [min(groups[n]) for n in range(31)]
    assert [sets.root(n) for n in range(31)] == sets.roots().tolist()
