"""Relay sources and what was recorded of them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "relay_sources",
        *_texts("source", "kind", "name", "url"),
        sa.Column("private_ok", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        *_texts("times_json", "weekdays_json", "state"),
        sa.Column("since_s", sa.BigInteger(), nullable=False),
        sa.Column("heard_s", sa.BigInteger()),
        sa.Column("fresh_s", sa.BigInteger()),
        sa.Column("failing_s", sa.BigInteger()),
        sa.Column("failure_code", sa.Text()),
        sa.CheckConstraint("kind IN ('feed', 'stream')", name=op.f("ck_relay_sources_kind")),
        sa.CheckConstraint("state IN ('active', 'closed')", name=op.f("ck_relay_sources_state")),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_relay_sources")),
    )
    op.create_table(
        "relay_recordings",
        *_texts("source", "recording", "title", "state"),
        sa.Column("sha256", sa.Text()),
        sa.Column("report_json", sa.Text()),
        sa.Column("failure_code", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('kept', 'failed')", name=op.f("ck_relay_recordings_state")),
        sa.PrimaryKeyConstraint("source", "recording", name=op.f("pk_relay_recordings")),
    )
    op.create_index("ix_relay_recordings_changed", "relay_recordings", ["source", "changed_s"])
    op.create_table(
        "relay_bulletins",
        *_texts("bulletin", "source", "recording", "unit", "entry"),
        sa.PrimaryKeyConstraint("bulletin", name=op.f("pk_relay_bulletins")),
    )
    op.create_index("ix_relay_bulletins_entry", "relay_bulletins", ["entry"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
