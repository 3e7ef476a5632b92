"""What units answer to what a province sends, their standing rules, imported topics."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from hub.schema.base import metadata, one_of

# One row for every unit that a supply concerns: what the unit's own people said to it. `made` is
# the bulletin or the order that came of it.
offers = Table(
    "offers",
    metadata,
    Column("peer", Text, primary_key=True),
    Column("supply", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("made", Text),
    Column("reason", Text),
    Column("who", Text),
    Column("changed_s", BigInteger, nullable=False),
    one_of("state", "open", "taken", "declined", "acknowledged", "cancelled"),
    Index("ix_offers_unit", "unit", "state", "changed_s"),
)

# "Always accept": what a unit takes of a sender, of one topic or any (empty), and into which slot,
# or where none is named into which times.
offer_rules = Table(
    "offer_rules",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("times_json", Text, nullable=False),
    Column("weekdays_json", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=False),
    Column("slot", Text),
    Index("ix_offer_rules_unit", "unit", "ended_s"),
)

# Topics as the province's list names them, dated: none is written into code.
topics = Table(
    "topics",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("valid_from", Text, primary_key=True),
    Column("valid_to", Text),
    Column("name", Text, nullable=False),
    Column("list_version", Text, nullable=False),
)
