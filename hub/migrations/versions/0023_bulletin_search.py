"""What bulletins are found by."""

import json

import sqlalchemy as sa
from alembic import op

from hub.folding import words

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and fill it."""
    op.add_column(
        "bulletin_versions", sa.Column("search", sa.Text(), nullable=False, server_default="")
    )
    connection = op.get_bind()
    rows = connection.exec_driver_sql(
        "SELECT bulletin, version, title, text, board_text, variants_json FROM bulletin_versions"
    ).fetchall()
    for bulletin, version, title, text, board_text, variants in rows:
        told = [one.get(name) or "" for one in json.loads(variants) for name in ("title", "text")]
        search = " ".join(words(title, text, board_text, *told, bulletin))
        connection.execute(
            sa.text(
                "UPDATE bulletin_versions SET search = :search "
                "WHERE bulletin = :bulletin AND version = :version"
            ),
            {"search": search, "bulletin": bulletin, "version": version},
        )


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
