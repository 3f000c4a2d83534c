"""Data sets of a hub: their rows, their commits, and what can be wrong with them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data.errors import SourceError
from data.files import Row
from data.formats.hub import commit_of, hub_rows
from tests.data import format_rows as rows


def test_rows_of_a_data_set_have_its_name_its_split_and_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps({**rows.GSM8K, "id": split}) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))

    def loaded(split: str | None, streaming: bool = True) -> list[Row]:
        return list(
            hub_rows("owner/name", split=split, name=None, revision=None, streaming=streaming)
        )

    (row,) = loaded(None)
    assert (row.where, row.columns["id"]) == ("owner/name train row 1", "train")
    assert loaded("test")[0].columns["id"] == "test"
    with pytest.raises(SourceError, match=r"owner/name: cannot be loaded: .*dev") as raised:
        loaded("dev")
    assert "\n" not in str(raised.value)


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does when it is asked for a data set."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        name = self.path.partition("/api/datasets/")[2]
        Hub.asked.append(name)
        status, error = {
            "owner/open": (200, ""),
            "owner/open/revision/dev": (404, "RevisionNotFound"),
            "owner/gated": (403, "GatedRepo"),
            "owner/broken": (500, ""),
        }.get(name, (401, "RepoNotFound"))
        body = json.dumps({"id": "owner/open", "sha": "abc123"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Error-Code", error)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_the_hub_is_asked_once_for_the_commit_and_its_refusals_are_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub.constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    Hub.asked.clear()
    try:
        assert commit_of("owner/open", None) == "abc123"
        for name, revision, said in (
            ("owner/open", "dev", "owner/open: has no revision 'dev'; mend --revision"),
            ("owner/gated", None, "owner/gated: .* accept them on its page, and set HF_TOKEN"),
            ("owner/none", None, "owner/none: there is no such file, and no such data set"),
            ("owner/broken", None, f"owner/broken: .* the hub at {url} cannot be reached: .*500"),
        ):
            with pytest.raises(SourceError, match=said) as raised:
                commit_of(name, revision)
            assert "\n" not in str(raised.value)
        assert len([name for name in Hub.asked if name]) == 5
    finally:
        server.shutdown()
        server.server_close()
