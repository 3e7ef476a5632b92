"""CAP files stand apart from the messages' rows."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the files."""
    op.create_table(
        "cap_files",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message", name=op.f("pk_cap_files")),
    )
    op.execute("INSERT INTO cap_files (message, data) SELECT message, data FROM cap_messages")
    op.drop_column("cap_messages", "data")


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
