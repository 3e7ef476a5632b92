"""What provinces are told and ask for: peers, the outbox, gaps, days, supplies."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join("'" + value + "'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "peers",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settings_json", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger()),
        sa.Column("pulled_ms", sa.BigInteger()),
        sa.Column("failing_ms", sa.BigInteger()),
        sa.Column("failure_code", sa.Text()),
        sa.Column("failure", sa.Text()),
        _one_of("peers", "state", "active", "paused"),
        sa.PrimaryKeyConstraint("peer", name=op.f("pk_peers")),
    )
    op.create_table(
        "outbox",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["peers.peer"], name=op.f("fk_outbox_peer")),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("dead_ms", sa.BigInteger()),
        _one_of("outbox", "state", "waiting", "dead"),
        sa.PrimaryKeyConstraint("peer", "number", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "told",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["peer"], ["peers.peer"], name=op.f("fk_told_peer")),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("peer", "subject", name=op.f("pk_told")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gaps",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        _one_of("gaps", "state", "open", "returning", "filled", "lost"),
        _one_of("gaps", "why", "silent", "hole", "fork", "dropped"),
        sa.PrimaryKeyConstraint("node", "why", "from_ms", name=op.f("pk_gaps")),
    )
    op.create_table(
        "unit_days",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("plays", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.BigInteger(), nullable=False),
        sa.Column("interrupted", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("airtime_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "day", name=op.f("pk_unit_days")),
    )
    op.create_table(
        "supplies",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("supply", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("units_json", sa.Text(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("received_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_s", sa.BigInteger()),
        _one_of(
            "supplies",
            "state",
            "received",
            "offered",
            "waiting",
            "taken",
            "done",
            "refused",
            "cancelled",
        ),
        sa.PrimaryKeyConstraint("peer", "supply", name=op.f("pk_supplies")),
    )
    op.create_table(
        "supply_bulletins",
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("supply", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bulletin", name=op.f("pk_supply_bulletins")),
    )
    op.create_index("ix_outbox_due", "outbox", ["peer", "state", "rank", "number"])
    op.create_index("ix_gaps_state", "gaps", ["state"])
    op.create_index("ix_unit_days_changed", "unit_days", ["changed_ms"])
    op.create_index("ix_supplies_state", "supplies", ["state"])
    op.create_index("ix_supply_bulletins_supply", "supply_bulletins", ["peer", "supply"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
