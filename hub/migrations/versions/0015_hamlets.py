"""How many people live in a hamlet, and where it lies."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("people", "latitude_e6", "longitude_e6"):
        op.add_column("hamlets", sa.Column(name, sa.Integer()))


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
