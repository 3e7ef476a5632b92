"""What stands in the JSON of the node-facing API, for its description (`hub.openapi`).

The bodies themselves are read by `protocols`, which nodes share; a test holds both to each other.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from protocols.limits import (
    ID_BYTES_MAX,
    JSON_INTEGER_MAX,
    NODE_ID_BYTES_MAX,
    RECORD_BATCH_COUNT_MAX,
    RECORD_KIND_BYTES_MAX,
)

Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX)]
NodeId = Annotated[str, Meta(min_length=1, max_length=NODE_ID_BYTES_MAX)]
Kind = Annotated[str, Meta(min_length=1, max_length=RECORD_KIND_BYTES_MAX)]
Epoch = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
SignatureHex = Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
Count = Annotated[int, Meta(ge=0, le=JSON_INTEGER_MAX)]
Sequence = Annotated[int, Meta(ge=1, le=JSON_INTEGER_MAX)]
Chain = Literal["plays", "health"]


class Fault(Struct, forbid_unknown_fields=True):
    """What went wrong, and what to do."""

    code: str
    message: str
    remedy: str


class Record(Struct, forbid_unknown_fields=True):
    """One thing that a node did; `previous` is the SHA-256 of the record before."""

    node: NodeId
    chain: Chain
    epoch: Epoch
    sequence: Sequence
    at_ms: Count | None
    clock: Literal["unknown", "rtc", "network", "hub"]
    uncertainty_ms: Count | None
    kind: Kind
    previous: Digest
    body: dict[str, Any]


class Batch(Struct, forbid_unknown_fields=True):
    """Consecutive records of one epoch in canonical JSON; `after` stands before the first."""

    node: NodeId
    chain: Chain
    epoch: Epoch
    after: Count
    records: Annotated[list[Record], Meta(max_length=RECORD_BATCH_COUNT_MAX)]


class BatchAnswer(Struct, forbid_unknown_fields=True):
    """The position that is on disk, the hub's time, and the request's nonce; signed (RFC 9421)."""

    chain: Chain
    epoch: Epoch
    position: Count
    time_ms: Count
    nonce: Id


class Paper(Struct, forbid_unknown_fields=True):
    """A signed paper: Ed25519 over the format, a line end, and the canonical body."""

    format: str
    body: dict[str, Any]
    signature: SignatureHex


class Kept(Struct, forbid_unknown_fields=True):
    """What a CAP message is called here, and what became of it."""

    message: Annotated[str, Meta(pattern="^c[0-9a-f]{16}$")]
    state: str


class Signed(Struct):
    """TUF metadata, or a manifest."""


class Pushed(Struct, forbid_unknown_fields=True):
    """How many directives of a push were read; each counts once, however often it comes."""

    taken: Count


class Push(Struct):
    """A page of directives in the province's own words."""

    DanhSach: list[dict[str, Any]]


TYPES = (Fault, Batch, BatchAnswer, Kept, Paper, Signed, Push, Pushed)
