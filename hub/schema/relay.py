"""Broadcasters that the hub records, what it recorded, and the bulletins made of it."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from hub.schema.base import metadata, one_of

# A podcast is asked now and then; a stream is recorded at its own times, for some minutes.
relay_sources = Table(
    "relay_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("private_ok", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("times_json", Text, nullable=False),
    Column("weekdays_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    Column("heard_s", BigInteger),
    Column("fresh_s", BigInteger),
    Column("failing_s", BigInteger),
    Column("failure_code", Text),
    one_of("kind", "feed", "stream"),
    one_of("state", "active", "closed"),
)

relay_recordings = Table(
    "relay_recordings",
    metadata,
    Column("source", Text, primary_key=True),
    Column("recording", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sha256", Text),
    Column("report_json", Text),
    Column("failure_code", Text),
    Column("tries", Integer, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    one_of("state", "kept", "failed"),
    Index("ix_relay_recordings_changed", "source", "changed_s"),
)

# Which bulletin was made of which recording, for which slot.
relay_bulletins = Table(
    "relay_bulletins",
    metadata,
    Column("bulletin", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("recording", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Index("ix_relay_bulletins_entry", "entry"),
)
