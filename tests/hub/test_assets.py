"""Vendored files are what their list says; pages stay small."""

import gzip
import hashlib
import re
from pathlib import Path

from hub import assets

STATIC = Path(assets.__file__).parent / "static"
# Loaded by the map's page alone.
MAP = ("leaflet.js", "leaflet.css", "map.js")
ROW = re.compile(r"^\| (\S+) \| .+ \| (\S+) \| .+ \| ([0-9a-f]{64}) \|$", re.MULTILINE)


def test_vendored_files_match_their_list_and_none_is_unlisted():
    listed = {
        name: sha for name, _, sha in ROW.findall((STATIC / "vendor/VENDORED.md").read_text())
    }
    present = {path.name for path in (STATIC / "vendor").iterdir()} - {"VENDORED.md"}
    assert set(listed) == present
    for name, sha256 in listed.items():
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == sha256


def test_styles_and_scripts_ask_no_other_server():
    for path in STATIC.rglob("*"):
        if path.suffix in (".css", ".js"):
            text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
            text = text.replace("http://www.w3.org/2000/svg", "")
            # What Leaflet would link to in an attribution that our map does not show.
            text = text.replace('href="https://leafletjs.com"', "")
            assert "http:" not in text and "https:" not in text, path.name
            assert "eval(" not in text and "new Function" not in text


def test_everything_a_first_view_loads_is_small():
    packed = sum(
        len(gzip.compress(path.read_bytes(), 9))
        for path in STATIC.rglob("*")
        if path.suffix in (".css", ".js", ".svg") and path.name not in MAP
    )
    assert packed < 40_000
