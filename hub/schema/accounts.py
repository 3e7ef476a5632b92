"""People who sign in: accounts, their grants on units, their sessions."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from hub.schema.base import PRIVATE, metadata, one_of

# A person who signs in. A one-time code (its hash) sets the first password and recovers a lost one;
# `totp_pending` is a second factor that was offered and not yet proved.
accounts = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("password_hash", Text, info=PRIVATE),
    Column("code_hash", Text, unique=True, info=PRIVATE),
    Column("code_until_s", BigInteger),
    Column("failures", Integer, nullable=False),
    Column("blocked_until_s", BigInteger, nullable=False),
    Column("totp_secret", Text, info=PRIVATE),
    Column("totp_pending", Text, info=PRIVATE),
    Column("totp_step", BigInteger, nullable=False),
    one_of("state", "active", "closed"),
)

# A role on a unit and everything under it; `number` tells repeated grants apart, 0 is not ended.
grants = Table(
    "grants",
    metadata,
    Column("account", Text, ForeignKey("accounts.account"), primary_key=True),
    Column("role", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("since_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=False),
    Index("ix_grants_role", "role", "unit"),
)

# Keyed by the hash of the token that the browser holds; `strong` when a code was asked for.
sessions = Table(
    "sessions",
    metadata,
    Column("session", Text, primary_key=True, info=PRIVATE),
    Column("account", Text, ForeignKey("accounts.account"), nullable=False, index=True),
    Column("created_s", BigInteger, nullable=False),
    Column("seen_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=False),
    Column("strong", Integer, nullable=False),
    Column("agent", Text, nullable=False),
)

# Questions to the fleet that an account keeps under a name; `query` is the page's own.
saved_filters = Table(
    "saved_filters",
    metadata,
    Column("account", Text, ForeignKey("accounts.account"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
)
