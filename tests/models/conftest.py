"""Recipes of small networks, and a stand-in of the hub."""

import hashlib
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from handseg.recipe.schema import Data, Model, Recipe, Train

SMALL_SEGFORMER = {
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 1, 1],
    "decoder_hidden_size": 16,
}


@pytest.fixture
def recipe_of():
    """A recipe of a library's network without weights; further words change its tables."""

    def make(library, architecture, encoder, *, seed=0, channels=1, normalize="image", **model):
        spec = Model(library, architecture, encoder, weights="none")
        if library == "transformers":
            spec = replace(spec, options=SMALL_SEGFORMER)
        return Recipe(
            model=replace(spec, **model),
            data=Data(size=64, channels=channels, normalize=normalize),
            train=Train(seed=seed),
        )

    return make


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No hub, no net, nothing in a cache; what asks for them fails at once."""
    import huggingface_hub.constants as constants
    import torch

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))

    def no_net(*arguments, **words):
        raise OSError("no net in a test")

    monkeypatch.setattr("urllib.request.urlopen", no_net)
    monkeypatch.setattr(torch.hub, "urlopen", no_net, raising=False)
    return tmp_path


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves `root/OWNER/NAME/FILE` at `/OWNER/NAME/resolve/REVISION/FILE`, in ranges too."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Files)
        self.root = root
        self.breaks: dict[str, list[int]] = {}
        """By the name of a folder, after how many bytes of a file the line goes dead, in turn."""
        self.asked: list[tuple[str, str]] = []
        """The files that were asked for, and their ranges."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Files(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub

    def do_HEAD(self) -> None:
        self.answer(with_content=False)

    def do_GET(self) -> None:
        self.answer(with_content=True)

    def answer(self, with_content: bool) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path)
        path = self.server.root.joinpath(*found.groups()) if found else self.server.root
        if not path.is_file():
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        wanted = self.headers.get("Range", "")
        first = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        part = content[first:]
        self.send_response(206 if first else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if with_content:
            self.server.asked.append((str(path.relative_to(self.server.root)), wanted))
            breaks = self.server.breaks.get(path.parent.name)
            self.wfile.write(part[: breaks.pop(0)] if breaks else part)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The hub, which serves what a test puts into its `root`."""
    server = Hub(tmp_path_factory.mktemp("hub"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
