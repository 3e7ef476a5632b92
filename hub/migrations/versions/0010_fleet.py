"""How nodes are, ready to be counted: state, place, search, last words, boots, saved filters."""

import sqlalchemy as sa
from alembic import op

from hub.folding import fold

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What a node that has not said otherwise is taken to report by, as in `hub.standing` at the time.
_REPORT_MS = 900_000
_SLACK_MS = 300_000


def _nodes() -> None:
    for name, kind in (
        ("latitude_e6", sa.Integer()),
        ("longitude_e6", sa.Integer()),
        ("search", sa.Text()),
    ):
        op.add_column("nodes", sa.Column(name, kind, nullable=True))
    connection = op.get_bind()
    rows = connection.exec_driver_sql(
        "SELECT n.node, n.name, h.name FROM nodes n LEFT JOIN hamlets h "
        "ON h.unit = n.unit AND h.hamlet = n.hamlet"
    ).fetchall()
    for node, name, hamlet in rows:
        search = fold(" ".join(filter(None, (name, hamlet, node))))
        connection.execute(
            sa.text("UPDATE nodes SET search = :search WHERE node = :node"),
            {"search": search, "node": node},
        )
    op.drop_index("ix_nodes_unit", "nodes")
    op.create_index("ix_nodes_unit_name", "nodes", ["unit", "name"])


def _status() -> None:
    for name in ("report_s", "slot_ms", "late_ms", "offline_ms"):
        op.add_column("node_status", sa.Column(name, sa.BigInteger(), nullable=True))
    for name, kind in (
        ("playing_until_ms", sa.BigInteger()),
        ("open_faults", sa.Integer()),
        ("budget_low", sa.Integer()),
    ):
        op.add_column("node_status", sa.Column(name, kind, nullable=False, server_default="0"))
    op.execute(
        f"UPDATE node_status SET late_ms = contact_ms + {2 * _REPORT_MS + _SLACK_MS}, "
        f"offline_ms = contact_ms + {4 * _REPORT_MS + _SLACK_MS}, open_faults = (SELECT count(*) "
        "FROM faults WHERE faults.node = node_status.node AND cleared_ms IS NULL)"
    )


def _new_tables() -> None:
    op.create_table(
        "node_words",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name=op.f("fk_node_words_node")),
        sa.PrimaryKeyConstraint("node", "kind", name=op.f("pk_node_words")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "node_boots",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name=op.f("fk_node_boots_node")),
        sa.PrimaryKeyConstraint("node", "at_ms", name=op.f("pk_node_boots")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_node_boots_at", "node_boots", ["at_ms"])
    op.create_table(
        "saved_filters",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name=op.f("fk_saved_filters_account")
        ),
        sa.PrimaryKeyConstraint("account", "name", name=op.f("pk_saved_filters")),
    )


def upgrade() -> None:
    """Add columns, indexes and tables; fill what can be known already."""
    _nodes()
    _status()
    _new_tables()
    op.create_index("ix_faults_cleared", "faults", ["cleared_ms", "last_ms"])
    op.drop_index("ix_plays_item", "plays")
    op.create_index("ix_plays_item", "plays", ["item", "grade", "node"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
