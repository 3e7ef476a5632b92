"""Bulletins in several languages, and who asks for which."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column."""
    op.create_table(
        "language_orders",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("hamlet", sa.Text(), nullable=False),
        sa.Column("languages_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "hamlet", name=op.f("pk_language_orders")),
    )
    op.add_column(
        "bulletin_versions",
        sa.Column("variants_json", sa.Text(), nullable=False, server_default="[]"),
    )


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
