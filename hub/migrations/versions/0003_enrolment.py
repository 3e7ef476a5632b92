"""Tickets and enrolments; a node is enrolled, in quarantine, revoked or replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _pointing_at_nodes() -> list[str]:
    """Return the tables whose rows must step aside while `nodes` is made anew."""
    connection = op.get_bind()
    found = []
    for table in sa.inspect(connection).get_table_names():
        keys = sa.inspect(connection).get_foreign_keys(table)
        if any(key["referred_table"] == "nodes" for key in keys):
            found.append(table)
    return found


def _nodes_in_place() -> None:
    """Change the rule where the database can: in PostgreSQL, under whatever name it stands."""
    rules = sa.inspect(op.get_bind()).get_check_constraints("nodes")
    for name in (rule["name"] for rule in rules if "state" in rule["sqltext"]):
        op.execute(f'ALTER TABLE nodes DROP CONSTRAINT "{name}"')
    op.execute("UPDATE nodes SET state = 'enrolled' WHERE state = 'active'")
    op.create_check_constraint(
        op.f("ck_nodes_state"),
        "nodes",
        "state IN ('enrolled', 'quarantined', 'revoked', 'replaced')",
    )


def _nodes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _nodes_in_place()
        return
    children = _pointing_at_nodes()
    for child in children:
        op.execute(f"CREATE TEMPORARY TABLE kept_{child} AS SELECT * FROM {child}")
        op.execute(f"DELETE FROM {child}")
    with op.batch_alter_table("nodes", recreate="always") as nodes:
        nodes.drop_constraint("ck_nodes_state", type_="check")
    op.execute("UPDATE nodes SET state = 'enrolled' WHERE state = 'active'")
    with op.batch_alter_table("nodes", recreate="always") as nodes:
        nodes.create_check_constraint(
            "ck_nodes_state", "state IN ('enrolled', 'quarantined', 'revoked', 'replaced')"
        )
    for child in children:
        op.execute(f"INSERT INTO {child} SELECT * FROM kept_{child}")
        op.execute(f"DROP TABLE kept_{child}")


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("issued_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_s", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("paper", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'withdrawn')", name="ck_tickets_state"),
        sa.PrimaryKeyConstraint("ticket", name="pk_tickets"),
    )


def _enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("enrolment", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("replaces", sa.Text(), nullable=True),
        sa.Column("technician", sa.Text(), nullable=False),
        sa.Column("received_s", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("paper", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("enrolment", name="pk_enrolments"),
    )
    for column in ("node", "ticket", "replaces"):
        op.create_index(f"ix_enrolments_{column}", "enrolments", [column])
    op.create_table(
        "enrolment_refusals",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("technician", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'settled')", name="ck_enrolment_refusals_state"),
        sa.PrimaryKeyConstraint("node", name="pk_enrolment_refusals"),
    )


def upgrade() -> None:
    """Add what enrolment needs; every node that was active is enrolled."""
    _nodes()
    _tickets()
    _enrolments()


def downgrade() -> None:
    """Refuse: enrolments cannot be forgotten."""
    raise RuntimeError("restore a backup instead")
