"""An application image as the release key signs it, and the record by which one is picked at boot.

The image is a tar (`protocols.tar`) of the agent's folders. Its manifest names it by hash; versions
only grow. The *choice* is one small file beside the two slots that hold images: which slot runs,
which is on trial, how often the trial was begun. `hw/linux/chooser.py` reads and counts it before
any image is loaded; it is no part of an image and shares only this format.
"""

from collections import namedtuple

from protocols import canonical
from protocols.errors import Fault
from protocols.fields import Fields, check_integer, is_integer, refuse
from protocols.limits import (
    ID_BYTES_MAX,
    IMAGE_BYTES_MAX,
    IMAGE_FILES_MAX,
    JSON_INTEGER_MAX,
    MANIFEST_BYTES_MAX,
)

FORMAT = "chieng-image/1"
MEDIA_TYPE = "application/x-tar"
SLOTS = ("a", "b")
# The folders an image may hold; anything else in it is refused.
FOLDERS = ("edge", "hw", "protocols")

Image = namedtuple("Image", ("board", "version", "sha256", "length", "files"))
"""One signed image: for which `board`, its `version`, hash, length in bytes and count of files."""


class Choice(
    namedtuple("Choice", ("slot", "version", "trial", "trial_version", "boots", "failed"))
):
    """Hold what runs and what is on trial.

    `slot` is "", "a" or "b" ("" is what the board came with, version 0); `trial` likewise, "" for
    none; `boots` how often the trial was begun; `failed` the version that was last rolled back.
    """

    def to_dict(self) -> dict[str, object]:
        """Return the form in the file."""
        return {name: self[index] for index, name in enumerate(_NAMES)}

    def free_slot(self) -> str:
        """Return the slot that may be overwritten."""
        return "b" if self.slot == "a" else "a"

    def on_trial(self, slot: str, version: int) -> "Choice":
        """Return the choice that tries what was installed in a slot."""
        return Choice(self.slot, self.version, slot, version, 0, self.failed)

    def confirmed(self) -> "Choice":
        """Return the choice after a trial that went well."""
        return Choice(self.trial, self.trial_version, "", 0, 0, 0)


_NAMES = ("slot", "version", "trial", "trial_version", "boots", "failed")
NOTHING = Choice("", 0, "", 0, 0, 0)


def read_choice(data: bytes) -> Choice:
    """Return the choice in a file; what is damaged or missing is the board's own image."""
    try:
        value = canonical.decode(data, MANIFEST_BYTES_MAX)
    except Fault:
        return NOTHING
    if not isinstance(value, dict):
        return NOTHING
    found: list[object] = []
    for index, name in enumerate(_NAMES):
        one = value.get(name, NOTHING[index])
        is_right = one in ("", "a", "b") if index in (0, 2) else is_integer(one) and one >= 0
        if not is_right:
            return NOTHING
        found.append(one)
    return Choice(*found)


def from_dict(value: object, board: str | None = None) -> Image:
    """Return the image of a decoded manifest; raises `RemoteFault("format.field")`."""
    fields = Fields(value, "image")
    fields.choice("format", (FORMAT,))
    own = fields.id("board", ID_BYTES_MAX)
    if board is not None and own != board:
        raise refuse(fields.name("board"), "is another board's", "Sign the image for this board.")
    return Image(
        own,
        fields.integer("version", 1, JSON_INTEGER_MAX),
        fields.digest("sha256"),
        check_integer(fields.value("length"), fields.name("length"), 1024, IMAGE_BYTES_MAX),
        fields.integer("files", 1, IMAGE_FILES_MAX),
    )


def read(data: bytes, board: str | None = None) -> Image:
    """Return the image in a manifest's bytes; raises `RemoteFault`."""
    return from_dict(canonical.decode(data, MANIFEST_BYTES_MAX), board)


def build(image: Image) -> bytes:
    """Return the canonical bytes of a manifest, checked as a node will."""
    value: dict[str, object] = {"format": FORMAT, "board": image.board, "version": image.version}
    value["sha256"], value["length"], value["files"] = image.sha256, image.length, image.files
    from_dict(value)
    return canonical.encode(value)
