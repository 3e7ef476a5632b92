"""A small XML tree: read with bounds, without DTDs, entities or anything external; written back."""

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import DefusedXMLParser

from protocols.errors import RemoteFault
from protocols.hub_limits import CAP_DEPTH_MAX, CAP_ELEMENTS_MAX

_SLICE = 64 * 1024
# Letters that no XML 1.0 document may hold.
_FOREIGN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


class Node(NamedTuple):
    """Hold one element; `text` is that of a leaf, attributes are kept by their plain name."""

    namespace: str
    name: str
    attributes: dict[str, str]
    texts: list[str]
    children: "list[Node]"

    @property
    def text(self) -> str:
        """Return the text directly inside."""
        return "".join(self.texts)


class _Builder:
    """Build the tree, counting."""

    def __init__(self) -> None:
        self._open: list[Node] = []
        self._root: Node | None = None
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > CAP_ELEMENTS_MAX or len(self._open) >= CAP_DEPTH_MAX:
            raise RemoteFault(
                "cap.size",
                f"more than {CAP_ELEMENTS_MAX} elements, or {CAP_DEPTH_MAX} inside each other",
                "Ask the sender for a shorter file.",
            )
        plain = {_split(name)[1]: value for name, value in attributes.items()}
        node = Node(*_split(tag), plain, [], [])
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)

    def close(self) -> Node | None:
        return self._root


def _split(tag: str) -> tuple[str, str]:
    namespace, found, name = tag.rpartition("}")
    return (namespace[1:], name) if found else ("", tag)


def parse(data: bytes, bytes_max: int) -> Node:
    """Return the root of a document; raises `RemoteFault` `cap.size` or `cap.xml`."""
    if len(data) > bytes_max:
        raise RemoteFault(
            "cap.size", f"more than {bytes_max} bytes", "Ask the sender for a shorter file."
        )
    parser = DefusedXMLParser(
        target=_Builder(), forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        for start in range(0, len(data), _SLICE):
            parser.feed(data[start : start + _SLICE])
        root = parser.close()
    except (SyntaxError, ValueError, LookupError) as error:
        # ParseError is a SyntaxError, what defusedxml forbids a ValueError, an unknown encoding one
        # or the other.
        raise RemoteFault(
            "cap.xml",
            f"no XML that can be read: {str(error) or type(error).__name__}"[:300],
            "Ask the sender for the file as it was issued, without a document type.",
        ) from error
    if not isinstance(root, Node):
        raise RemoteFault("cap.xml", "the file is empty", "Choose the file again.")
    return root


class Part(NamedTuple):
    """One element to write: a leaf with its text, or parts inside."""

    name: str
    value: "str | Sequence[Part]" = ""
    attributes: Sequence[tuple[str, str]] = ()


def write(root: Part, namespace: str) -> bytes:
    """Return a document under one namespace; what XML cannot hold is left out."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _put(root._replace(attributes=[("xmlns", namespace), *root.attributes]), lines)
    return "\n".join([*lines, ""]).encode()


def _put(part: Part, lines: list[str]) -> None:
    words = "".join(f" {name}={quoteattr(_clean(value))}" for name, value in part.attributes)
    start, end = f"<{part.name}{words}>", f"</{part.name}>"
    if isinstance(part.value, str):
        lines.append(start + escape(_clean(part.value)) + end)
        return
    lines.append(start)
    for inner in part.value:
        _put(inner, lines)
    lines.append(end)


def _clean(text: str) -> str:
    return _FOREIGN.sub("", text)
