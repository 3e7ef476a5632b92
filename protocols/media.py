"""Renditions: the files that one item, page or alert exists as, and which of them a node takes."""

from collections import namedtuple

from protocols.fields import Fields, refuse
from protocols.limits import (
    BLOB_BYTES_MAX,
    DURATION_MS_MAX,
    MEDIA_TYPE_BYTES_MAX,
    PROFILE_BYTES_MAX,
    RENDITIONS_MAX,
)


class Rendition(
    namedtuple("Rendition", ("profile", "media_type", "sha256", "length", "duration_ms"))
):
    """Name one blob: `profile` (`opus`, `pcm16`, `board-192x64x1`), media type, SHA-256 in hex,
    length in bytes, and how long it sounds (0 for a picture)."""

    def to_dict(self) -> dict[str, object]:
        """Return the manifest's form."""
        value: dict[str, object] = {
            "profile": self.profile,
            "media_type": self.media_type,
            "sha256": self.sha256,
            "length": self.length,
        }
        if self.duration_ms:
            value["duration_ms"] = self.duration_ms
        return value


Blob = namedtuple("Blob", ("at_ms", "sha256", "length", "media_type"))
"""A blob a node needs: the wall time it is first needed at (0: any moment), and what to fetch."""


def read_renditions(fields: Fields, sounding: bool) -> tuple[Rendition, ...]:
    """Return the renditions of an object, one per profile; a sounding one states its duration."""
    found: list[Rendition] = []
    for entry in fields.objects("renditions", RENDITIONS_MAX):
        profile = entry.id("profile", PROFILE_BYTES_MAX)
        for other in found:
            if other.profile == profile:
                raise refuse(entry.name("profile"), "stands twice", "Give one file per profile.")
        found.append(
            Rendition(
                profile,
                entry.text("media_type", 1, MEDIA_TYPE_BYTES_MAX),
                entry.digest("sha256"),
                entry.integer("length", 1, BLOB_BYTES_MAX),
                entry.integer("duration_ms", 1, DURATION_MS_MAX) if sounding else 0,
            )
        )
    return tuple(found)


def ladder(
    renditions: tuple[Rendition, ...], profiles: "tuple[str, ...] | list[str]"
) -> list[Rendition]:
    """Return the renditions a node can use, best first: `profiles` is in the node's order."""
    found = []
    for profile in profiles:
        for rendition in renditions:
            if rendition.profile == profile:
                found.append(rendition)
    return found


def duration_ms(renditions: tuple[Rendition, ...]) -> int:
    """Return the longest duration among renditions, 0 when there is none."""
    longest = 0
    for rendition in renditions:
        longest = max(longest, rendition.duration_ms)
    return longest


def in_order(blobs: list[Blob]) -> list[Blob]:
    """Return each blob once, the one needed soonest first; equal times go by hash."""
    seen: set[str] = set()
    found = []
    for blob in sorted(blobs, key=lambda blob: (blob.at_ms, blob.sha256)):
        if blob.sha256 not in seen:
            seen.add(blob.sha256)
            found.append(blob)
    return found
