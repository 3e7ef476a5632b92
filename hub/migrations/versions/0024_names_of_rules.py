"""Every CHECK rule gets the one name that the schema gives it.

Rules of early tables were named in full where the naming convention puts `ck_<table>_` before the
name once more. A later migration would look for one name and find the other.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_DOUBLED = {
    "accounts": ("state",),
    "approvers": ("state",),
    "bulletin_versions": ("class",),
    "drafts": ("state",),
    "enrolment_refusals": ("state",),
    "nodes": ("kind", "state"),
    "orders": ("channel", "state"),
    "organisations": ("state",),
    "publications": ("action", "kind", "state"),
    "rollouts": ("state",),
    "spoken_words": ("state",),
    "tickets": ("state",),
    "uploads": ("state",),
}


def upgrade() -> None:
    """Rename them where they stand; no row is touched."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _on_server(connection)
    else:
        _in_file(connection)


def _on_server(connection: sa.Connection) -> None:
    for table, columns in _DOUBLED.items():
        held = {rule["name"] for rule in sa.inspect(connection).get_check_constraints(table)}
        for column in columns:
            old = f"ck_{table}_ck_{table}_{column}"
            if old in held:
                op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO ck_{table}_{column}")


def _in_file(connection: sa.Connection) -> None:
    """Edit the names in the stored statements (sqlite.org/lang_altertable.html, section 7)."""
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table in _DOUBLED:
        connection.exec_driver_sql(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
            (f"ck_{table}_ck_{table}_", f"ck_{table}_", table),
        )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def downgrade() -> None:
    """Refuse: a hub goes back by its backup."""
    raise RuntimeError("restore a backup instead")
