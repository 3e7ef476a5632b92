"""What units answer to what a province sends, their standing rules, imported topics."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "offers",
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("supply", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("who", sa.Text()),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'taken', 'declined', 'acknowledged', 'cancelled')",
            name=op.f("ck_offers_state"),
        ),
        sa.PrimaryKeyConstraint("peer", "supply", "unit", name=op.f("pk_offers")),
    )
    op.create_table(
        "offer_rules",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("times_json", sa.Text(), nullable=False),
        sa.Column("weekdays_json", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("since_s", sa.BigInteger(), nullable=False),
        sa.Column("ended_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", name=op.f("pk_offer_rules")),
    )
    op.create_table(
        "topics",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("list_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "valid_from", name=op.f("pk_topics")),
    )
    op.create_index("ix_offers_unit", "offers", ["unit", "state", "changed_s"])
    op.create_index("ix_offer_rules_unit", "offer_rules", ["unit", "ended_s"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
