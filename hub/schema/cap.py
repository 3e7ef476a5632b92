"""CAP: where messages come from, whose are listed, what came and what was made of it."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from hub.schema.base import PRIVATE, metadata, one_of

# Ways on which messages come by themselves: a feed that is looked at, or whoever holds a token.
cap_sources = Table(
    "cap_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text),
    Column("token_hash", Text, unique=True, info=PRIVATE),
    Column("state", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    Column("etag", Text),
    Column("modified", Text),
    Column("heard_ms", BigInteger),
    Column("failing_ms", BigInteger),
    Column("failure_code", Text),
    Column("failure", Text),
    one_of("kind", "feed", "push"),
    one_of("state", "active", "closed"),
)

# Senders (CAP's `sender`) that are listed; `source` is the way on which theirs come.
cap_senders = Table(
    "cap_senders",
    metadata,
    Column("sender", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("source", Text),
    Column("state", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    one_of("state", "active", "closed"),
)

# What came, once each; `trust` is `hub.cap.senders`, `places_json` our units and hamlets, `other`
# the message that cancelled or replaced it.
cap_messages = Table(
    "cap_messages",
    metadata,
    Column("message", Text, primary_key=True),
    Column("identifier", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("sent_s", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("drill", Integer, nullable=False),
    Column("signed", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("places_json", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("source", Text),
    Column("who", Text, nullable=False),
    Column("trust", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("other", Text),
    Column("received_s", BigInteger, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    Column("ends_s", BigInteger, nullable=False),
    one_of("way", "file", "page", "feed", "push"),
    one_of(
        "state",
        "waiting",
        "used",
        "done",
        "dismissed",
        "ignored",
        "refused",
        "expired",
        "elsewhere",
        "cancelled",
        "replaced",
    ),
    Index("ix_cap_messages_received", "received_s"),
    Index("ix_cap_messages_state", "state"),
)

# The file as it came: apart, since lists of messages do not need it.
cap_files = Table(
    "cap_files",
    metadata,
    Column("message", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# Which message names which, also one that has not come yet.
cap_references = Table(
    "cap_references",
    metadata,
    Column("message", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Index("ix_cap_references_target", "target"),
)

# The bulletins that were made of a message, by unit.
cap_bulletins = Table(
    "cap_bulletins",
    metadata,
    Column("bulletin", Text, primary_key=True),
    Column("message", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Index("ix_cap_bulletins_message", "message", "unit"),
)
