"""The frame of a unit's programme: what holds beside its bulletins, each change of it signed."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from hub.schema.base import metadata, one_of

# One row for every change that somebody asked for. An entry (a slot, days of mourning, a moved
# broadcast) is what its change in force says; `null` as the body ends it. Its publication names the
# change where that of a bulletin names the bulletin.
frame_changes = Table(
    "frame_changes",
    metadata,
    Column("change", Text, primary_key=True),
    Column("entry", Text, nullable=False, index=True),
    Column("unit", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    one_of("kind", "slot", "mourning", "move"),
    one_of("state", "waiting", "approved", "in_force", "replaced", "withdrawn"),
    Index("ix_frame_changes_unit", "unit", "state"),
)
