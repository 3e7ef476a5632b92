"""What a CAP message says, in our own shapes.

Times are Unix seconds, places millionths of a degree. Names follow the elements of CAP 1.2
(OASIS, 1 July 2010, section 3.2).
"""

from typing import NamedTuple

ACTUAL, EXERCISE, SYSTEM, TEST, DRAFT = "Actual", "Exercise", "System", "Test", "Draft"
ALERT, UPDATE, CANCEL, ACK, ERROR = "Alert", "Update", "Cancel", "Ack", "Error"
PUBLIC, RESTRICTED, PRIVATE = "Public", "Restricted", "Private"

Point = tuple[int, int]
"""Latitude and longitude."""


class Reference(NamedTuple):
    """Name another message."""

    sender: str
    identifier: str
    sent_s: int


class Circle(NamedTuple):
    """A centre and a radius."""

    centre: Point
    radius_m: int


class Code(NamedTuple):
    """A code of a list: a place's in `geocode`, an event's in `eventCode`."""

    system: str
    code: str


class Area(NamedTuple):
    """Where it counts; polygons are closed, altitude and ceiling are left out."""

    said: str
    polygons: tuple[tuple[Point, ...], ...]
    circles: tuple[Circle, ...]
    geocodes: tuple[Code, ...]


class Info(NamedTuple):
    """What is told in one language."""

    language: str
    categories: tuple[str, ...]
    event: str
    responses: tuple[str, ...]
    urgency: str
    severity: str
    certainty: str
    effective_s: int | None
    onset_s: int | None
    expires_s: int | None
    sender_name: str
    headline: str
    description: str
    instruction: str
    areas: tuple[Area, ...]

    def title(self) -> str:
        """Return what names it in one line."""
        return " ".join((self.headline or self.event).split())

    def words(self) -> str:
        """Return what is to be said: description and instruction."""
        parts = [self.description.strip(), self.instruction.strip()]
        return "\n".join(part for part in parts if part)


class Message(NamedTuple):
    """One CAP message; `signed` says that a signature stands in it, not that it is good."""

    identifier: str
    sender: str
    sent_s: int
    status: str
    kind: str
    scope: str
    restriction: str
    addresses: str
    note: str
    references: tuple[Reference, ...]
    infos: tuple[Info, ...]
    signed: bool

    def own_reference(self) -> Reference:
        """Return what others name it by."""
        return Reference(self.sender, self.identifier, self.sent_s)

    def in_vietnamese(self) -> Info | None:
        """Return the Vietnamese part, or None."""
        for info in self.infos:
            if info.language.lower().split("-")[0] == "vi":
                return info
        return None

    def first(self) -> Info | None:
        """Return the part a reader here understands best, or None when nothing is told."""
        return self.in_vietnamese() or (self.infos[0] if self.infos else None)

    def expires_s(self) -> int | None:
        """Return when the last part ends; None when some part states no end."""
        ends = [info.expires_s for info in self.infos]
        stated = [end for end in ends if end is not None]
        return max(stated) if stated and len(stated) == len(ends) else None

    def title(self) -> str:
        """Return one line that names it."""
        info = self.first()
        return (info.title() if info else self.note.strip()) or self.identifier
