"""Slots and other changes of a programme's frame; rules for offers name a slot."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and add the column."""
    op.create_table(
        "frame_changes",
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('slot', 'mourning', 'move')", name=op.f("ck_frame_changes_kind")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'approved', 'in_force', 'replaced', 'withdrawn')",
            name=op.f("ck_frame_changes_state"),
        ),
        sa.PrimaryKeyConstraint("change", name=op.f("pk_frame_changes")),
    )
    op.create_index(op.f("ix_frame_changes_entry"), "frame_changes", ["entry"])
    op.create_index("ix_frame_changes_unit", "frame_changes", ["unit", "state"])
    op.add_column("offer_rules", sa.Column("slot", sa.Text()))


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
