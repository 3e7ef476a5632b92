"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _approvers() -> None:
    op.create_table(
        "approvers",
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("wrapped_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('active', 'left')", name="ck_approvers_state"),
        sa.PrimaryKeyConstraint("approver", name="pk_approvers"),
    )
    op.create_index("ix_approvers_unit", "approvers", ["unit"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail_json", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
    )


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blobs"),
    )


def _bulletins() -> None:
    op.create_table(
        "bulletins",
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.Column("changed_s", sa.BigInteger(), nullable=False),
        sa.Column("until_s", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bulletin", name="pk_bulletins"),
    )
    op.create_index("ix_bulletins_changed", "bulletins", ["changed_s"])
    op.create_index("ix_bulletins_unit", "bulletins", ["unit"])


def _hamlets() -> None:
    op.create_table(
        "hamlets",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("hamlet", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "hamlet", name="pk_hamlets"),
    )


def _nodes() -> None:
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("hamlet", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("groups_json", sa.Text(), nullable=False),
        sa.Column("board", sa.Text(), nullable=True),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("registered_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('speaker', 'board')", name="ck_nodes_kind"),
        sa.CheckConstraint("state IN ('active', 'revoked')", name="ck_nodes_state"),
        sa.PrimaryKeyConstraint("node", name="pk_nodes"),
        sa.UniqueConstraint("public_key", name="uq_nodes_public_key"),
    )
    op.create_index("ix_nodes_unit", "nodes", ["unit"])


def _plays() -> None:
    op.create_table(
        "plays",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("scheduled_ms", sa.BigInteger(), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("resumed", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("milliwatts", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("node", "epoch", "sequence", name="pk_plays"),
    )
    op.create_index("ix_plays_item", "plays", ["item", "started_ms"])
    op.create_index("ix_plays_node_started", "plays", ["node", "started_ms"])
    op.create_index("ix_plays_started", "plays", ["started_ms"])


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("publication", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("approvers_json", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("approved_s", sa.BigInteger(), nullable=False),
        sa.Column("published_s", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("action IN ('publish', 'recall')", name="ck_publications_action"),
        sa.CheckConstraint("kind IN ('bundle', 'alerts')", name="ck_publications_kind"),
        sa.CheckConstraint(
            "state IN ('approved', 'published', 'void')", name="ck_publications_state"
        ),
        sa.PrimaryKeyConstraint("publication", name="pk_publications"),
    )
    op.create_index("ix_publications_bulletin", "publications", ["bulletin"])
    op.create_index("ix_publications_state", "publications", ["state"])
    op.create_index("ix_publications_unit", "publications", ["unit"])


def _record_heads() -> None:
    op.create_table(
        "record_heads",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node", "chain", "epoch", name="pk_record_heads"),
    )


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "chain", "epoch", "sequence", name="pk_records"),
        sqlite_with_rowid=False,
    )


def _unit_policies() -> None:
    op.create_table(
        "unit_policies",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("policy_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", name="pk_unit_policies"),
    )


def _units() -> None:
    op.create_table(
        "units",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code_system", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("unit", "valid_from", name="pk_units"),
    )


def _bulletin_versions() -> None:
    op.create_table(
        "bulletin_versions",
        sa.Column("bulletin", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("board_text", sa.Text(), nullable=False),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("upload_sha256", sa.Text(), nullable=True),
        sa.Column("hamlets_json", sa.Text(), nullable=False),
        sa.Column("timing_json", sa.Text(), nullable=False),
        sa.Column("renditions_json", sa.Text(), nullable=False),
        sa.Column("frames_json", sa.Text(), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=False),
        sa.Column("fault_code", sa.Text(), nullable=True),
        sa.Column("created_s", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "class IN ('normal', 'priority', 'emergency')", name="ck_bulletin_versions_class"
        ),
        sa.ForeignKeyConstraint(
            ["bulletin"], ["bulletins.bulletin"], name="fk_bulletin_versions_bulletin"
        ),
        sa.PrimaryKeyConstraint("bulletin", "version", name="pk_bulletin_versions"),
    )


def _faults() -> None:
    op.create_table(
        "faults",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name="fk_faults_node"),
        sa.PrimaryKeyConstraint("node", "place", name="pk_faults"),
    )


def _node_status() -> None:
    op.create_table(
        "node_status",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("contact_ms", sa.BigInteger(), nullable=True),
        sa.Column("nonces_json", sa.Text(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=True),
        sa.Column("bundle_version", sa.BigInteger(), nullable=True),
        sa.Column("boot_ms", sa.BigInteger(), nullable=True),
        sa.Column("play_title", sa.Text(), nullable=True),
        sa.Column("play_ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("play_grade", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["nodes.node"], name="fk_node_status_node"),
        sa.PrimaryKeyConstraint("node", name="pk_node_status"),
    )


def _append_only() -> None:
    body = "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        )
        body = "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
    for verb in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit {body}")


def upgrade() -> None:
    """Create every table; the audit log refuses changes from its first row on."""
    _nodes()
    _bulletins()
    _approvers()
    _audit()
    _blobs()
    _hamlets()
    _plays()
    _publications()
    _record_heads()
    _records()
    _unit_policies()
    _units()
    _bulletin_versions()
    _faults()
    _node_status()
    _append_only()


def downgrade() -> None:
    """Refuse: the first schema has nothing before it."""
    raise RuntimeError("restore a backup instead")
