"""What all tables share: one metadata, names of constraints, the mark of private columns."""

from typing import Any

from sqlalchemy import CheckConstraint, MetaData, Text
from sqlalchemy.ext.compiler import compiles

# Marks a column that never leaves the hub: private even when wrapped.
PRIVATE = {"private": True}
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Hold a column to some values."""
    listed = ", ".join("'" + value + "'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


@compiles(Text, "postgresql")
def _text(_element: Text, _compiler: Any, **_options: Any) -> str:
    """Compare texts by their bytes, as SQLite does, whatever the language of the database."""
    return 'TEXT COLLATE "C"'
