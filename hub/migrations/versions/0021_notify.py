"""Who is told of notices by e-mail or webhook, and what is on its way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _counts(kind: type, *names: str) -> list[sa.Column]:
    return [sa.Column(name, kind(), nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "subscriptions",
        *_texts("subscription", "unit"),
        sa.Column("account", sa.Text(), nullable=True),
        *_texts("way", "target"),
        *_counts(sa.Integer, "private_ok"),
        *_texts("kinds_json", "language", "quiet_from", "quiet_to"),
        *_counts(sa.Integer, "breaks", "group_min"),
        *_counts(sa.BigInteger, "position"),
        *_texts("state"),
        *_counts(sa.BigInteger, "created_s", "tested_s"),
        sa.CheckConstraint("way IN ('mail', 'webhook')", name=op.f("ck_subscriptions_way")),
        sa.CheckConstraint("state IN ('active', 'ended')", name=op.f("ck_subscriptions_state")),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.account"], name=op.f("fk_subscriptions_account")
        ),
        sa.PrimaryKeyConstraint("subscription", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_account", "subscriptions", ["account"])
    op.create_index("ix_subscriptions_unit", "subscriptions", ["unit"])
    op.create_table(
        "dispatches",
        *_texts("dispatch", "subscription", "state", "body_json"),
        *_counts(sa.BigInteger, "created_ms", "due_ms", "until_ms"),
        *_counts(sa.Integer, "tries"),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        *_texts("code", "answer"),
        sa.CheckConstraint(
            "state IN ('waiting', 'sent', 'dead')", name=op.f("ck_dispatches_state")
        ),
        sa.ForeignKeyConstraint(
            ["subscription"],
            ["subscriptions.subscription"],
            name=op.f("fk_dispatches_subscription"),
        ),
        sa.PrimaryKeyConstraint("dispatch", name=op.f("pk_dispatches")),
    )
    op.create_index("ix_dispatches_state", "dispatches", ["state", "due_ms"])
    op.create_index(
        "ix_dispatches_subscription", "dispatches", ["subscription", "state", "created_ms"]
    )


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
