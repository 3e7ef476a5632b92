"""Units, nodes, bulletins, publications, records, audit."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from hub.schema.base import PRIVATE, metadata, one_of

units = Table(
    "units",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("valid_from", Text, primary_key=True),
    Column("valid_to", Text),
    Column("parent", Text),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code_system", Text),
    Column("code", Text),
    Column("successor", Text),
)

hamlets = Table(
    "hamlets",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("hamlet", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("people", Integer),
    Column("latitude_e6", Integer),
    Column("longitude_e6", Integer),
)

# Departments and media centres: without territory, each belongs to one unit.
organisations = Table(
    "organisations",
    metadata,
    Column("organisation", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False, index=True),
    Column("state", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("closed_s", BigInteger),
    one_of("state", "active", "closed"),
)

# What a unit's programme obeys: quiet hours, ceilings, tie-break, fallback.
unit_policies = Table(
    "unit_policies",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("policy_json", Text, nullable=False),
)

# Where a node stands is in millionths of a degree; `search` is `hub.folding` of its names.
nodes = Table(
    "nodes",
    metadata,
    Column("node", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("hamlet", Text),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("groups_json", Text, nullable=False),
    Column("board", Text),
    Column("public_key", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("registered_s", BigInteger, nullable=False),
    Column("latitude_e6", Integer),
    Column("longitude_e6", Integer),
    Column("search", Text),
    one_of("state", "enrolled", "quarantined", "revoked", "replaced"),
    one_of("kind", "speaker", "board"),
    Index("ix_nodes_unit_name", "unit", "name"),
)

# Leave for some nodes to join a unit; `paper` is what the hub signed.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("issued_s", BigInteger, nullable=False),
    Column("expires_s", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("paper", LargeBinary, nullable=False),
    one_of("state", "open", "withdrawn"),
)

# Accepted enrolments by the digest of what the node signed; `why` is empty or why it was doubtful.
enrolments = Table(
    "enrolments",
    metadata,
    Column("enrolment", Text, primary_key=True),
    Column("node", Text, nullable=False, index=True),
    Column("public_key", Text, nullable=False),
    Column("ticket", Text, nullable=False, index=True),
    Column("unit", Text, nullable=False),
    Column("replaces", Text, index=True),
    Column("technician", Text, nullable=False),
    Column("received_s", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("paper", LargeBinary, nullable=False),
)

# The last refusal of each node, until it joins after all.
enrolment_refusals = Table(
    "enrolment_refusals",
    metadata,
    Column("node", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("technician", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    one_of("state", "open", "settled"),
)


def _count(name: str, kind: type[BigInteger] | type[Integer]) -> Column[int]:
    return Column(name, kind, nullable=False, default=0, server_default="0")


# Derived from records and contacts; may be rebuilt from them. From `late_ms` on a node is late,
# from `offline_ms` on offline (`hub.standing`); until `playing_until_ms` it plays.
node_status = Table(
    "node_status",
    metadata,
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("contact_ms", BigInteger),
    Column("nonces_json", Text, nullable=False),
    Column("clock", Text),
    Column("bundle_version", BigInteger),
    Column("boot_ms", BigInteger),
    Column("play_title", Text),
    Column("play_ended_ms", BigInteger),
    Column("play_grade", Integer),
    Column("air_title", Text),
    Column("air_class", Text),
    Column("air_ms", BigInteger),
    Column("air_until_ms", BigInteger),
    Column("report_s", BigInteger),
    Column("slot_ms", BigInteger),
    Column("late_ms", BigInteger),
    Column("offline_ms", BigInteger),
    _count("playing_until_ms", BigInteger),
    _count("open_faults", Integer),
    _count("budget_low", Integer),
)

# The last record of each kind that says how a node is (status, modem, senses), and its boots.
node_words = Table(
    "node_words",
    metadata,
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("body_json", Text, nullable=False),
    sqlite_with_rowid=False,
)
node_boots = Table(
    "node_boots",
    metadata,
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Index("ix_node_boots_at", "at_ms"),
    sqlite_with_rowid=False,
)

# One row per place in a node (`sync.link`), or per chain for what records themselves reveal.
faults = Table(
    "faults",
    metadata,
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("place", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("cleared_ms", BigInteger),
    Index("ix_faults_cleared", "cleared_ms", "last_ms"),
)

records = Table(
    "records",
    metadata,
    Column("node", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("record", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The head of every chain: what the next record must follow.
record_heads = Table(
    "record_heads",
    metadata,
    Column("node", Text, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# Derived from records of kind play and alert, for the as-run pages.
plays = Table(
    "plays",
    metadata,
    Column("node", Text, primary_key=True),
    Column("epoch", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("scheduled_ms", BigInteger),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("resumed", Integer, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("milliwatts", BigInteger),
    Index("ix_plays_started", "started_ms"),
    Index("ix_plays_item", "item", "grade", "node"),
    Index("ix_plays_node_started", "node", "started_ms"),
)

approvers = Table(
    "approvers",
    metadata,
    Column("approver", Text, primary_key=True),
    Column("unit", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped_json", Text, nullable=False, info=PRIVATE),
    Column("state", Text, nullable=False),
    one_of("state", "active", "left"),
)

bulletins = Table(
    "bulletins",
    metadata,
    Column("bulletin", Text, primary_key=True),
    Column("unit", Text, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    Column("until_s", BigInteger),
    Index("ix_bulletins_changed", "changed_s"),
)

bulletin_versions = Table(
    "bulletin_versions",
    metadata,
    Column("bulletin", Text, ForeignKey("bulletins.bulletin"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("board_text", Text, nullable=False),
    Column("voice", Text, nullable=False),
    Column("upload_sha256", Text),
    # How the sound is made: speed and corrected reading of the voice, the cut of a recording.
    Column("making_json", Text, nullable=False, server_default="{}"),
    # The organisation in whose name it was written; empty for the unit itself.
    Column("supplier", Text, nullable=False, server_default=""),
    # What boards show before the text: pictures in order, each with its words and seconds.
    Column("pictures_json", Text, nullable=False, server_default="[]"),
    # The same in other languages, each with its recording and, when made, its files.
    Column("variants_json", Text, nullable=False, server_default="[]"),
    Column("hamlets_json", Text, nullable=False),
    Column("timing_json", Text, nullable=False),
    Column("renditions_json", Text, nullable=False),
    Column("frames_json", Text, nullable=False),
    Column("spoken", Text, nullable=False),
    Column("fault_code", Text),
    # What it is found by: `hub.folding` of the words of its texts, each once.
    Column("search", Text, nullable=False, server_default=""),
    Column("created_s", BigInteger, nullable=False),
    one_of("class", "normal", "priority", "emergency"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
)

# An approval and its signed bytes (`hub.repository.request`) stand here before the repository is
# touched; `published` is set after. A row left `approved` by a crash is completed at the next
# start. While `missing` signatures are outstanding it waits for the second person.
publications = Table(
    "publications",
    metadata,
    Column("publication", Text, primary_key=True),
    Column("unit", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("bulletin", Text, nullable=False, index=True),
    Column("approvers_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", LargeBinary, nullable=False, info=PRIVATE),
    Column("missing", Integer, nullable=False),
    Column("approved_s", BigInteger, nullable=False),
    Column("published_s", BigInteger),
    one_of("kind", "bundle", "alerts"),
    one_of("action", "publish", "recall"),
    one_of("state", "approved", "published", "void"),
    Index("ix_publications_state", "state"),
)

# What nodes were asked, by whom, and what they answered. `channel` says in which signed manifest it
# stands, `sequence` under which of its numbers it was (last) to be published.
orders = Table(
    "orders",
    metadata,
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text),
    Column("message", Text),
    Column("result_json", Text),
    Column("who", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    Column("expires_s", BigInteger, nullable=False),
    one_of("channel", "orders", "settings", "mandates"),
    one_of("state", "waiting", "sent", "done", "refused", "failed", "withdrawn"),
    Index("ix_orders_state", "state"),
    Index("ix_orders_unit_channel", "unit", "channel"),
)

# One image offered to a board's nodes, a share of them at a time.
rollouts = Table(
    "rollouts",
    metadata,
    Column("board", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("image", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("groups_json", Text, nullable=False),
    Column("failures_max", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    one_of("state", "published", "rolling", "stopped"),
)

# Few things that are true of the hub as a whole (`hub.facts` names them).
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value_json", Text, nullable=False),
)

# Append-only and hash-chained: triggers refuse UPDATE, and DELETE of what is younger than half a
# year (`hub.retention` erases older entries from the front).
audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_s", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
