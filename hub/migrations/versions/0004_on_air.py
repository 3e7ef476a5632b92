"""What a node said it was playing."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the next play of each node fills them."""
    for name, kind in (
        ("air_title", sa.Text()),
        ("air_class", sa.Text()),
        ("air_ms", sa.BigInteger()),
        ("air_until_ms", sa.BigInteger()),
    ):
        op.add_column("node_status", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
