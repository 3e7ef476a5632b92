"""Drafts, uploads in pieces, spoken words; how a version's sound is made."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the column."""
    op.create_table(
        "drafts",
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("fields_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'sent', 'dropped')", name="ck_drafts_state"),
        sa.PrimaryKeyConstraint("draft", name="pk_drafts"),
    )
    op.create_index("ix_drafts_account", "drafts", ["account", "state"])
    op.create_table(
        "uploads",
        sa.Column("upload", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("report_json", sa.Text(), nullable=True),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name="ck_uploads_state"),
        sa.PrimaryKeyConstraint("upload", name="pk_uploads"),
    )
    op.create_index("ix_uploads_account", "uploads", ["account", "state"])
    op.create_table(
        "spoken_words",
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'removed')", name="ck_spoken_words_state"),
        sa.PrimaryKeyConstraint("written", name="pk_spoken_words"),
    )
    op.add_column(
        "bulletin_versions",
        sa.Column("making_json", sa.Text(), nullable=False, server_default="{}"),
    )


def downgrade() -> None:
    """Refuse: recordings on their way would be lost."""
    raise RuntimeError("restore a backup instead")
