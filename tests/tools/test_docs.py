"""The documents name only files, commands and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "THREATS.md", "DECISIONS.md")
SUFFIXES = (".py", ".md", ".txt", ".sh", ".toml", ".lock")


def named_files(text):
    for word in re.findall(r"`([^`\s]+)`", text):
        if word.endswith((*SUFFIXES, "/")) and not word.startswith(("http", "/")):
            yield word


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_named_is_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    missing = [
        name
        for name in named_files(text)
        if not any(list(folder.glob(name.rstrip("/"))) for folder in (ROOT, ROOT / "tests"))
    ]
    assert missing == []


def test_every_link_of_the_readme_leads_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_every_make_target_of_the_readme_exists():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named and set(named) <= set(targets)
