"""Who is told of notices elsewhere than on the page, and what is on its way to them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from hub.schema.base import metadata, one_of

# Of an account (its own address) or, without one, of the unit. `position` is the newest notice in a
# dispatch: notices beyond it are still to be told, so nothing is copied when they begin.
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("account", Text, ForeignKey("accounts.account")),
    Column("way", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("private_ok", Integer, nullable=False),
    Column("kinds_json", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("quiet_from", Text, nullable=False),
    Column("quiet_to", Text, nullable=False),
    Column("breaks", Integer, nullable=False),
    Column("group_min", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("tested_s", BigInteger, nullable=False),
    one_of("way", "mail", "webhook"),
    one_of("state", "active", "ended"),
    Index("ix_subscriptions_account", "account"),
    Index("ix_subscriptions_unit", "unit"),
)

# One mail or POST; its id is the same at every try. `until_ms` is when it is given up.
dispatches = Table(
    "dispatches",
    metadata,
    Column("dispatch", Text, primary_key=True),
    Column("subscription", Text, ForeignKey("subscriptions.subscription"), nullable=False),
    Column("state", Text, nullable=False),
    Column("body_json", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("done_ms", BigInteger),
    Column("code", Text, nullable=False),
    Column("answer", Text, nullable=False),
    one_of("state", "waiting", "sent", "dead"),
    Index("ix_dispatches_state", "state", "due_ms"),
    Index("ix_dispatches_subscription", "subscription", "state", "created_ms"),
)
