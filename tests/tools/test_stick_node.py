"""A stick made of a node's own files: another node that no link reaches plays what it brings."""

import asyncio
import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from edge.neighbour_files import NeighbourFiles
from edge.neighbour_task import NeighbourTask
from hw.linux.clock import Clock
from hw.linux.interface import address_of
from protocols.errors import RemoteFault
from tests.edge.node_world import COMMUNE, Node
from tests.edge.test_neighbours import served
from tests.tools.stick_desk import StickDesk
from tests.tools.test_stick import node_at
from tools.hub_client import Hub
from tools.stick_node import NodeFiles


@pytest.fixture
async def desk(tmp_path):
    made = await StickDesk(tmp_path).open()
    yield made
    await made.listener.close()


async def test_what_one_node_has_goes_to_another_by_stick(desk):
    desk.publish(desk.province.news_bundle())
    source = Node(desk.province).start("sync")
    await source.pass_ms(2000)
    await source.stop()
    files = NeighbourFiles(source.storage)
    task = NeighbourTask(files, Clock(), source.faults, COMMUNE, lambda: (address_of("lo"), 0))
    running = await served(task)
    there = f"http://127.0.0.1:{task.port}"
    code, out = await desk.tool("write", "--node", there, "--unit", COMMUNE)
    assert code == 0 and "1 recordings and pictures" in out, out
    code, out = await desk.tool("write", "--node", there, "--unit", "03.zzzz")
    assert code != 0 and "404" in out, out
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await desk.listener.close()
    node = node_at(desk)
    node.start("sync", "playout", "amplifier")
    await node.sticks.look()
    await node.pass_to("05:32")
    await node.stop()
    assert [(play[0], play[4]) for play in node.plays()] == [("news", "complete")]


UNIT = "03.k7f2"
VIEW = f"/v1/units/{UNIT}/metadata/"
WORDS = b'{"items":[{"sha256":"%s"}]}'


def signed(**fields):
    return json.dumps({"signed": fields}).encode()


def honest(manifest):
    """Return what a node answers that has one manifest, by path."""
    sha256 = hashlib.sha256(manifest).hexdigest()
    target = {"hashes": {"sha256": sha256}, "length": len(manifest)}
    return {
        VIEW + "timestamp.json": signed(version=5, meta={"snapshot.json": {"version": 4}}),
        VIEW + "4.snapshot.json": signed(version=4, meta={"unit.json": {"version": 2}}),
        VIEW + "1.root.json": signed(version=1),
        VIEW + "2.unit.json": signed(version=2, targets={"units/a/bundle.json": target}),
        f"/v1/targets/units/a/{sha256}.bundle.json": manifest,
    }


@contextmanager
def node_with(answers):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = answers.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Hub(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()


def gather(answers, folder):
    folder.mkdir()
    with node_with(answers) as node:
        return NodeFiles(node, UNIT, folder).pack()


def test_a_medium_is_taken_only_as_what_its_name_says(tmp_path):
    data = b"sound"
    good, wrong = hashlib.sha256(data).hexdigest(), "0" * 64
    answers = honest(b'{"a":{"sha256":"%s"},"b":[{"sha256":"%s"}]}' % (good.encode(), b"0" * 64))
    answers |= {f"/v1/blobs/{name}": data for name in (good, wrong)}
    names = [one.name for one in gather(answers, tmp_path / "in").members]
    assert names[0] == "metadata/1.root.json"
    assert [name for name in names if name.startswith("blobs/")] == [f"blobs/{good}"]


@pytest.mark.parametrize("name", ["../out", "/%s/out"])
def test_a_node_names_no_file_outside_of_the_folder(tmp_path, name):
    name = name.replace("%s", str(tmp_path)[1:])
    answers = honest(WORDS % name.encode())
    answers[f"/v1/blobs/{name}"] = b"ours now"
    gather(answers, tmp_path / "in")
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


BAD = {
    "timestamp.json": [
        b"[" * 100_000,
        b"{}",
        b'{"signed":[]}',
        signed(meta={}),
        signed(version=5, meta=[]),
        signed(version=5, meta={"snapshot.json": {"version": "../4"}}),
        signed(version=True, meta={"snapshot.json": {"version": 4}}),
    ],
    "4.snapshot.json": [
        signed(meta=7),
        signed(meta={"unit.json": 2}),
        signed(meta={"unit.json": {"version": 0}}),
        signed(meta={"../../x.json": {"version": 2}}),
        signed(meta={"ă\r\nHost: x.json": {"version": 2}}),
        signed(meta={f"r{number}.json": {"version": 2} for number in range(600)}),
    ],
    "1.root.json": [None],
    "2.unit.json": [
        signed(targets=[]),
        signed(targets={"units/a/bundle.json": {}}),
        signed(targets={"units/a/bundle.json": {"hashes": []}}),
        signed(targets={"units/a/bundle.json": {"hashes": {"sha256": "../x"}}}),
        signed(targets={"units/a b.json": {"hashes": {"sha256": "0" * 64}}}),
        signed(targets={f"u/{one}": {"hashes": {"sha256": "0" * 64}} for one in range(4097)}),
    ],
}


@pytest.mark.parametrize(("file", "data"), [(file, one) for file in BAD for one in BAD[file]])
def test_what_a_node_says_wrongly_is_its_fault(tmp_path, file, data):
    answers = honest(b"{}")
    answers |= {f"{VIEW}2.r{number}.json": signed(version=2) for number in range(600)}
    answers[VIEW + file] = data
    with pytest.raises(RemoteFault, match=r"stick\.node"):
        gather(answers, tmp_path / "in")


@pytest.mark.parametrize("manifest", [b"no json", b"[" * 100_000])
def test_a_manifest_that_cannot_be_read_is_the_nodes_fault(tmp_path, manifest):
    with pytest.raises(RemoteFault, match=r"stick\.node"):
        gather(honest(manifest), tmp_path / "in")
