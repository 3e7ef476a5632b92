"""Work on many nodes at once, and what people are told of nodes."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from hub.schema.base import metadata, one_of

# One order for many nodes; `query` is the fleet page's question that chose them.
bulks = Table(
    "bulks",
    metadata,
    Column("bulk", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("detail_json", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("total", Integer, nullable=False),
    Index("ix_bulks_created", "created_s"),
)

# What became of it at each node: `name` is the order it led to, `fault` why there is none.
bulk_nodes = Table(
    "bulk_nodes",
    metadata,
    Column("bulk", Text, ForeignKey("bulks.bulk"), primary_key=True),
    Column("node", Text, ForeignKey("nodes.node"), primary_key=True),
    Column("unit", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("name", Text),
    Column("fault", Text),
    one_of("step", "waiting", "given", "refused"),
    Index("ix_bulk_nodes_step", "step", "bulk", "unit", "node"),
)

# What people are told of nodes: a fault that began, a node that fell silent, or that it is over
# (`is_over`); oldest ones go. `repeats` counts how often the same began in the day before.
notices = Table(
    "notices",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("node", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("noted_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("is_over", Integer, nullable=False),
    Index("ix_notices_unit", "unit", "sequence"),
    Index("ix_notices_code", "code", "node", "sequence"),
)

# Up to which notice an account has read.
notice_marks = Table(
    "notice_marks",
    metadata,
    Column("account", Text, ForeignKey("accounts.account"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
