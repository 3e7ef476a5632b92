"""Notices say that something is over, how grave it is, and how often it came back."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns; what was noted before is taken for a fault told at its own time."""
    with op.batch_alter_table("notices") as batch:
        batch.add_column(sa.Column("noted_ms", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("kind", sa.Text(), nullable=True))
        batch.add_column(sa.Column("subject", sa.Text(), nullable=True))
        batch.add_column(sa.Column("repeats", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("is_over", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE notices SET noted_ms = at_ms, subject = '', repeats = 0, is_over = 0, "
        "kind = CASE WHEN code = 'node.silent' THEN 'silence' ELSE 'fault' END"
    )
    with op.batch_alter_table("notices") as batch:
        batch.alter_column("noted_ms", existing_type=sa.BigInteger(), nullable=False)
        for name in ("kind", "subject"):
            batch.alter_column(name, existing_type=sa.Text(), nullable=False)
        for name in ("repeats", "is_over"):
            batch.alter_column(name, existing_type=sa.Integer(), nullable=False)
    op.create_index("ix_notices_code", "notices", ["code", "node", "sequence"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
