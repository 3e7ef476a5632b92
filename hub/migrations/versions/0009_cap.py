"""CAP: where messages come from, whose are listed, what came and what was made of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATES = ("waiting", "used", "done", "dismissed", "ignored", "refused", "expired", "elsewhere",
          "cancelled", "replaced")  # fmt: skip


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join("'" + value + "'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cap_sources",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("token_hash", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_s", sa.BigInteger(), nullable=False),
        sa.Column("etag", sa.Text()),
        sa.Column("modified", sa.Text()),
        sa.Column("heard_ms", sa.BigInteger()),
        sa.Column("failing_ms", sa.BigInteger()),
        sa.Column("failure_code", sa.Text()),
        sa.Column("failure", sa.Text()),
        _one_of("cap_sources", "kind", "feed", "push"),
        _one_of("cap_sources", "state", "active", "closed"),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_cap_sources")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_cap_sources_token_hash")),
    )
    op.create_table(
        "cap_senders",
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since_s", sa.BigInteger(), nullable=False),
        _one_of("cap_senders", "state", "active", "closed"),
        sa.PrimaryKeyConstraint("sender", name=op.f("pk_cap_senders")),
    )
    op.create_table(
        "cap_messages",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("sent_s", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("drill", sa.Integer(), nullable=False),
        sa.Column("signed", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("places_json", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("source", sa.Text()),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("trust", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("other", sa.Text()),
        sa.Column("received_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_s", sa.BigInteger(), nullable=False),
        _one_of("cap_messages", "way", "file", "page", "feed", "push"),
        _one_of("cap_messages", "state", *STATES),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_cap_messages")),
    )
    op.create_table(
        "cap_references",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message", "target", name=op.f("pk_cap_references")),
    )
    op.create_table(
        "cap_bulletins",
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bulletin", name=op.f("pk_cap_bulletins")),
    )
    op.create_index("ix_cap_messages_received", "cap_messages", ["received_s"])
    op.create_index("ix_cap_messages_state", "cap_messages", ["state"])
    op.create_index("ix_cap_references_target", "cap_references", ["target"])
    op.create_index("ix_cap_bulletins_message", "cap_bulletins", ["message", "unit"])


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
