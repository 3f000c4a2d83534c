"""A compressed file is read as what is in it, wherever a file of data is read."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from data.errors import SourceError
from data.files import read_rows
from data.formats.folders import local_files
from data.formats.opening import is_hub_name, open_source
from data.pipeline.manifest import Manifest
from data.pipeline.opening import Choice, open_input
from data.pipeline.run import run_pipeline
from data.prompt_records import rows_of
from data.sources import load_prompts
from launch.verify.rows import read_lines


def zstd(data: bytes) -> bytes:
    """Two frames, as tools that compress in parallel write them."""
    half = len(data) // 2
    return b"".join(
        pyarrow.compress(part, codec="zstd", asbytes=True) for part in (data[:half], data[half:])
    )


WAYS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}
LINES = "".join(
    json.dumps({"question": f"{number} + {number}?", "answer": f"Add.\n#### {2 * number}"}) + "\n"
    for number in range(9)
).encode()
each_way = pytest.mark.parametrize("ending", WAYS)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain" / "train.jsonl"
    path.parent.mkdir()
    path.write_bytes(LINES)
    return path


def compressed(plain: Path, ending: str, data: bytes = LINES) -> Path:
    path = plain.parents[1] / f"{plain.name}{ending}"
    path.write_bytes(WAYS[ending](data))
    return path


@each_way
def test_training_reads_the_prompts_within_under_the_same_ids(plain: Path, ending: str) -> None:
    packed = compressed(plain, ending)
    assert load_prompts(packed) == load_prompts(plain)
    assert rows_of(str(packed)) == 9


@each_way
def test_an_array_is_read_too(plain: Path, ending: str) -> None:
    packed = plain.parent / f"train.json{ending}"
    packed.write_bytes(WAYS[ending](b"[" + b",".join(LINES.splitlines()) + b"]"))
    assert [row.columns for row in read_rows(packed)] == [row.columns for row in read_rows(plain)]


@each_way
def test_a_pipeline_gives_the_same_parts(plain: Path, ending: str, tmp_path: Path) -> None:
    def parts(path: Path) -> Manifest:
        opened = open_input(str(path), Choice())
        out = tmp_path / f"out {path.name}"
        return run_pipeline(
            opened.source, (), out, command="test", reader=opened.reader, block_rows=4
        )

    packed = parts(compressed(plain, ending))
    assert len(packed.parts) == 3
    assert packed.parts == parts(plain).parts


@each_way
def test_answers_to_verify_are_read_line_by_line(plain: Path, ending: str) -> None:
    packed = compressed(plain, ending)
    assert b"".join(text for _, text, _ in read_lines(str(packed))) == LINES


@each_way
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_file_is_one_error(plain: Path, ending: str, damage: str) -> None:
    packed = compressed(plain, ending)
    cut = packed.read_bytes()[:-5]
    packed.write_bytes(cut if damage == "cut" else b"not compressed at all")
    with pytest.raises(SourceError, match=r"cannot be read: \S") as caught:
        list(read_rows(packed))
    assert str(packed) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_of_compressed_files_is_a_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    for ending, way in WAYS.items():
        (folder / f"train-{ending[1:]}.jsonl{ending}").write_bytes(way(LINES))
    assert len(local_files(folder)) == len(WAYS)
    assert len(list(open_source(folder).records())) == 9 * len(WAYS)


def test_a_compressed_file_that_is_not_there_is_no_name_of_the_hub() -> None:
    assert not is_hub_name("data/train.jsonl.zst")


def test_compressed_parquet_is_refused_by_its_whole_ending(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet.gz"
    path.write_bytes(gzip.compress(b"PAR1"))
    with pytest.raises(SourceError, match=r"files ending in '\.parquet\.gz'"):
        list(read_rows(path))
