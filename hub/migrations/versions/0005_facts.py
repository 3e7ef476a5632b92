"""Facts about the hub as a whole; old audit entries may be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Logs are kept for at least half a year, whatever the settings say.
AUDIT_KEPT_S = 183 * 86400


def upgrade() -> None:
    """Add the table; loosen the rule for what is older than half a year."""
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_no_delete ON audit")
        op.execute(
            "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW WHEN "
            f"(OLD.at_s > extract(epoch FROM clock_timestamp()) - {AUDIT_KEPT_S}) "
            "EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    op.execute("DROP TRIGGER audit_no_delete")
    op.execute(
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit "
        f"WHEN OLD.at_s > CAST(strftime('%s', 'now') AS INTEGER) - {AUDIT_KEPT_S} "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is kept for half a year'); END"
    )


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
