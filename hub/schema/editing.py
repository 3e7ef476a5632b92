"""What authors have not sent yet: drafts and uploads; and how words are read aloud."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from hub.schema.base import metadata, one_of

# A form as it stood when it was last saved by itself; one author's own.
drafts = Table(
    "drafts",
    metadata,
    Column("draft", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("bulletin", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("fields_json", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("saved_s", BigInteger, nullable=False),
    one_of("state", "open", "sent", "dropped"),
    Index("ix_drafts_account", "account", "state"),
)

# A recording on its way in pieces; what arrived of it is a file of this name, as long as it says.
uploads = Table(
    "uploads",
    metadata,
    Column("upload", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("sha256", Text),
    Column("report_json", Text),
    Column("created_s", BigInteger, nullable=False),
    one_of("state", "open", "done", "dropped"),
    Index("ix_uploads_account", "account", "state"),
)

# Pictures for boards as the hub drew them anew (plain RGB PNG, a blob of this SHA-256).
pictures = Table(
    "pictures",
    metadata,
    Column("picture", Text, primary_key=True),
    Column("length", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_s", BigInteger, nullable=False),
)

# Which languages a hamlet asks for, in order; the whole unit under an empty name.
language_orders = Table(
    "language_orders",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("hamlet", Text, primary_key=True),
    Column("languages_json", Text, nullable=False),
)

# How a written word is spoken, where the built-in dictionary does not know it or is not wanted.
spoken_words = Table(
    "spoken_words",
    metadata,
    Column("written", Text, primary_key=True),
    Column("spoken", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("changed_s", BigInteger, nullable=False),
    one_of("state", "active", "removed"),
)
