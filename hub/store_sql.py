"""The store port over SQLAlchemy Core."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    FromClause,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import ColumnElement

from hub import schema
from hub.store import ROWS_MAX, Above, Conflict, Holds, Row, Store, UpTo


def _key(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)


def _column(table: Table, name: str) -> Column[Any]:
    """Return a column by name, or as `table.column` of another table."""
    other, dot, own = name.rpartition(".")
    return schema.metadata.tables[other].c[own] if dot else table.c[name]


def _conditions(table: Table, where: Mapping[str, Any] | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name, value in (where or {}).items():
        column = _column(table, name)
        if isinstance(value, Above):
            conditions.append(column > value.least)
        elif isinstance(value, UpTo):
            conditions.append(column <= value.most)
        elif isinstance(value, Holds):
            conditions += [column.contains(part, autoescape=True) for part in value.parts]
        elif isinstance(value, list | tuple):
            conditions.append(column.in_(value))
        elif value is None:
            conditions.append(column.is_(None))
        else:
            conditions.append(column == value)
    return conditions


def _joined(table: Table, join: str) -> tuple[FromClause, list[Column[Any]]]:
    """Return what to select from, and the columns that the join adds."""
    if not join:
        return table, []
    other = schema.metadata.tables[join]
    same = and_(*(table.c[column.name] == column for column in _key(other)))
    added = [column for column in other.columns if column.name not in table.c]
    return table.outerjoin(other, same), added


class SqlStore(Store):
    """Run the store's verbs on one connection inside its open transaction."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, table: str, *key: object) -> Row | None:
        source = schema.metadata.tables[table]
        columns = _key(source)
        if len(columns) != len(key):
            raise ValueError(f"the key of {table} has {len(columns)} columns")
        matches = [column == value for column, value in zip(columns, key, strict=True)]
        found = self._connection.execute(select(source).where(*matches)).mappings().first()
        return None if found is None else dict(found)

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        self.add_many(table, [row])

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        try:
            self._connection.execute(
                insert(schema.metadata.tables[table]), [dict(row) for row in rows]
            )
        except IntegrityError as error:
            if "UNIQUE" in str(error.orig).upper():
                raise Conflict(table) from error
            raise

    def change(self, table: str, key: tuple[object, ...], changes: Mapping[str, Any]) -> bool:
        source = schema.metadata.tables[table]
        matches = [column == value for column, value in zip(_key(source), key, strict=True)]
        statement = update(source).where(*matches).values(dict(changes))
        return self._connection.execute(statement).rowcount == 1

    def erase(
        self, table: str, where: Mapping[str, Any], column: str, below: int | str, limit: int
    ) -> int:
        source = schema.metadata.tables[table]
        key = tuple_(*_key(source))
        old = select(*_key(source)).where(*_conditions(source, where), source.c[column] < below)
        old = old.order_by(*_key(source)).limit(limit)
        return self._connection.execute(delete(source).where(key.in_(old))).rowcount

    def find(
        self,
        table: str,
        where: Mapping[str, Any] | None = None,
        *,
        order: Sequence[str] = (),
        descending: bool = False,
        after: Sequence[object] | None = None,
        limit: int = ROWS_MAX,
        join: str = "",
    ) -> list[Row]:
        source = schema.metadata.tables[table]
        origin, added = _joined(source, join)
        columns = [source.c[name] for name in order]
        columns += [column for column in _key(source) if column.name not in order]
        statement = select(*source.columns, *added).select_from(origin)
        statement = statement.where(*_conditions(source, where))
        if after is not None:
            here, seen = tuple_(*columns), tuple_(*after)
            statement = statement.where(here < seen if descending else here > seen)
        directed = [column.desc() if descending else column.asc() for column in columns]
        statement = statement.order_by(*directed).limit(min(limit, ROWS_MAX))
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def count(self, table: str, where: Mapping[str, Any] | None = None, distinct: str = "") -> int:
        source = schema.metadata.tables[table]
        what = func.count(source.c[distinct].distinct()) if distinct else func.count()
        statement = select(what).select_from(source).where(*_conditions(source, where))
        return int(self._connection.execute(statement).scalar_one())

    def tally(
        self,
        table: str,
        tests: Mapping[str, Mapping[str, Any]],
        where: Mapping[str, Any] | None = None,
        *,
        by: str,
        join: str = "",
    ) -> dict[Any, dict[str, int]]:
        source = schema.metadata.tables[table]
        names = list(tests)
        counts = [
            func.count().filter(and_(true(), *_conditions(source, tests[name]))) for name in names
        ]
        statement = select(source.c[by], *counts).select_from(_joined(source, join)[0])
        statement = statement.where(*_conditions(source, where)).group_by(source.c[by])
        return {
            row[0]: dict(zip(names, row[1:], strict=True))
            for row in self._connection.execute(statement)
        }
