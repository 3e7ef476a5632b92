"""What provinces are told and ask for: peers, the outbox, gaps, days, supplies."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from hub.schema.base import metadata, one_of

# Whom the hub tells what happened, and by which connector. `number` is the last one given to an
# outbox row, `cursor` how far its directives were taken, `failing_ms` since when nothing gets
# through.
peers = Table(
    "peers",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("connector", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("settings_json", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("sent_ms", BigInteger),
    Column("pulled_ms", BigInteger),
    Column("failing_ms", BigInteger),
    Column("failure_code", Text),
    Column("failure", Text),
    one_of("state", "active", "paused"),
)

# What a peer has not confirmed yet, written in the transaction of what it tells. Rows go when they
# are confirmed; `dead` ones wait for a person.
outbox = Table(
    "outbox",
    metadata,
    Column("peer", Text, ForeignKey("peers.peer"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("dead_ms", BigInteger),
    one_of("state", "waiting", "dead"),
    Index("ix_outbox_due", "peer", "state", "rank", "number"),
    sqlite_with_rowid=False,
)

# The last state told of each subject, as a digest: what did not change is not told again.
told = Table(
    "told",
    metadata,
    Column("peer", Text, ForeignKey("peers.peer"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Stretches in which nothing is known of a node; `to_ms` is empty while it lasts.
gaps = Table(
    "gaps",
    metadata,
    Column("node", Text, primary_key=True),
    Column("why", Text, primary_key=True),
    Column("from_ms", BigInteger, primary_key=True),
    Column("to_ms", BigInteger),
    Column("state", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    one_of("state", "open", "returning", "filled", "lost"),
    one_of("why", "silent", "hole", "fork", "dropped"),
    Index("ix_gaps_state", "state"),
)

# A unit's day (local), counted with the records as they come, however late.
unit_days = Table(
    "unit_days",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("plays", BigInteger, nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("interrupted", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("airtime_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("ix_unit_days_changed", "changed_ms"),
)

# What a peer (or a CAP sender) asked for, by its own id, and what became of it here.
supplies = Table(
    "supplies",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("supply", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("class", Text),
    Column("title", Text, nullable=False),
    Column("units_json", Text, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("received_s", BigInteger, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    Column("expires_s", BigInteger),
    one_of("state", "received", "offered", "waiting", "taken", "done", "refused", "cancelled"),
    Index("ix_supplies_state", "state"),
)

# The bulletins that were made of a supply, one for each unit.
supply_bulletins = Table(
    "supply_bulletins",
    metadata,
    Column("bulletin", Text, primary_key=True),
    Column("peer", Text, nullable=False),
    Column("supply", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Index("ix_supply_bulletins_supply", "peer", "supply"),
)
