"""SQL of the store's verbs, compiled by SQLAlchemy once per shape and kept as text.

A shape is everything but the values: table, columns, comparisons. Building and compiling a
statement costs twenty times what SQLite needs to run it, and a batch of records runs fifteen.
Values are numbered in the order they are handed over; `Text.places` says where each stands.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Column,
    Dialect,
    FromClause,
    Integer,
    Table,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement, ColumnElement

from hub import schema

# Lists up to this long are filled up to a power of two, so that few texts serve all lengths.
LIST_MAX = 16_384
# Rows that one statement writes or fetches at most; shorter runs are halved until nothing is left.
ROWS_MAX = 64
# Texts kept; what a hub asks comes to some hundreds.
TEXTS_MAX = 4096

_VALUES = re.compile(r"(INSERT .*? VALUES )(\([^()]*\))(.*)", re.DOTALL)

# (column, comparison, number of values) for every condition.
Where = tuple[tuple[str, str, int], ...]
Shape = tuple[Any, ...]


class Text(NamedTuple):
    """Hold one statement: its SQL, which value stands at each mark, the answer's columns.

    A place below zero counts from the end of `fixed`: values that the dialect itself puts in.
    """

    sql: str
    places: tuple[int, ...]
    names: tuple[str, ...]
    fixed: tuple[Any, ...]
    is_plain: bool

    def arranged(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the values in the order of their marks."""
        if self.is_plain:
            return values
        whole = [*values, *self.fixed] if self.fixed else values
        return [whole[place] for place in self.places]


class _Binds:
    """Number the values of one statement."""

    def __init__(self) -> None:
        self._count = 0

    def next(self, like: Column[Any] | None = None) -> BindParameter[Any]:
        name = f"p{self._count}"
        self._count += 1
        return bindparam(name, type_=Integer() if like is None else like.type)

    def some(self, columns: Iterable[Column[Any]]) -> list[BindParameter[Any]]:
        return [self.next(column) for column in columns]


class Texts:
    """Compile and keep the texts of one kind of database."""

    def __init__(self, dialect: Dialect):
        self._dialect = dialect
        self._kept: dict[Shape, Text] = {}
        self._is_postgresql = dialect.name == "postgresql"

    def _text(self, shape: Shape, build: Callable[[], tuple[ClauseElement, Sequence[str]]]) -> Text:
        if len(self._kept) >= TEXTS_MAX:
            self._kept.clear()
        statement, names = build()
        compiled: Any = statement.compile(dialect=self._dialect)
        places: list[int] = []
        fixed: list[Any] = []
        params = compiled.params
        for name in compiled.positiontup or ():
            if params.get(name) is not None:
                fixed.insert(0, params[name])
                places.append(-len(fixed))
            else:
                places.append(int(name[1:]))
        is_plain = places == list(range(len(places)))
        text = Text(compiled.string, tuple(places), tuple(names), tuple(fixed), is_plain)
        self._kept[shape] = text
        return text

    def get(self, table: str) -> Text:
        """Return the question for one row by its primary key."""
        shape: Shape = ("get", table)
        return self._kept.get(shape) or self._text(shape, lambda: _get(_table(table)))

    def get_many(self, table: str, count: int) -> Text:
        """Return the question for so many rows by their keys, one key after the other."""
        shape: Shape = ("get_many", table, count)
        return self._kept.get(shape) or self._text(shape, lambda: _get(_table(table), count))

    def add(self, table: str, names: tuple[str, ...], count: int) -> Text:
        """Return how so many rows of some columns are added, one row after the other."""
        shape: Shape = ("add", table, names, count)
        return self._kept.get(shape) or self._repeated(
            shape, count, lambda: _add(_table(table), names)
        )

    def put(self, table: str, names: tuple[str, ...], count: int) -> Text:
        """Return how so many whole rows replace those of the same keys."""
        shape: Shape = ("put", table, names, count)

        def build() -> tuple[ClauseElement, Sequence[str]]:
            source, binds = _table(table), _Binds()
            dialect: Any = postgresql if self._is_postgresql else sqlite
            row = {name: binds.next(_known(source, name)) for name in names}
            statement = dialect.insert(source).inline().values(row)
            key = [column.name for column in key_of(source)]
            given = {name: statement.excluded[name] for name in names if name not in key}
            return statement.on_conflict_do_update(index_elements=key, set_=given), ()

        return self._kept.get(shape) or self._repeated(shape, count, build)

    def _repeated(
        self, shape: Shape, count: int, build: Callable[[], tuple[ClauseElement, Sequence[str]]]
    ) -> Text:
        """Compile how one row is added; its marks stand once for each row."""
        one = self._text(shape, build)
        match = _VALUES.fullmatch(one.sql)
        if match is None or one.fixed:
            raise ValueError(f"no rows can be added by {one.sql}")
        head, marks, tail = match.groups()
        width = len(one.places)
        places = [place + width * row for row in range(count) for place in one.places]
        text = Text(head + ", ".join([marks] * count) + tail, tuple(places), (), (), one.is_plain)
        self._kept[shape] = text
        return text

    def change(self, table: str, names: tuple[str, ...]) -> Text:
        """Return how some columns are changed: first their values, then the key."""
        shape: Shape = ("change", table, names)
        return self._kept.get(shape) or self._text(shape, lambda: _change(_table(table), names))

    def erase(self, table: str, where: Where, column: str) -> Text:
        """Return how old rows go: values of `where`, the bound of the column, the limit."""
        shape: Shape = ("erase", table, where, column)

        def build() -> tuple[ClauseElement, Sequence[str]]:
            source, binds = _table(table), _Binds()
            key = key_of(source)
            old = select(*key).where(*self._conditions(source, where, binds))
            old = old.where(source.c[column] < binds.next(source.c[column]))
            old = old.order_by(*key).limit(binds.next())
            return delete(source).where(tuple_(*key).in_(old)), ()

        return self._kept.get(shape) or self._text(shape, build)

    def find(
        self,
        table: str,
        where: Where,
        order: tuple[str, ...],
        descending: bool,
        after: bool,
        join: str,
    ) -> Text:
        """Return a question for rows: values of `where`, of `after`, the limit."""
        shape: Shape = ("find", table, where, order, descending, after, join)

        def build() -> tuple[ClauseElement, Sequence[str]]:
            source, binds = _table(table), _Binds()
            origin, added = _joined(source, join)
            columns = [source.c[name] for name in order]
            columns += [column for column in key_of(source) if column.name not in order]
            whole = [*source.columns, *added]
            statement = select(*whole).select_from(origin)
            statement = statement.where(*self._conditions(source, where, binds))
            if after:
                here, seen = tuple_(*columns), tuple_(*binds.some(columns))
                statement = statement.where(here < seen if descending else here > seen)
            statement = statement.order_by(*(self._directed(one, descending) for one in columns))
            return statement.limit(binds.next()), [column.name for column in whole]

        return self._kept.get(shape) or self._text(shape, build)

    def count(self, table: str, where: Where, distinct: str) -> Text:
        """Return a question for a number: values of `where`."""
        shape: Shape = ("count", table, where, distinct)

        def build() -> tuple[ClauseElement, Sequence[str]]:
            source = _table(table)
            what = func.count(source.c[distinct].distinct()) if distinct else func.count()
            conditions = self._conditions(source, where, _Binds())
            return select(what).select_from(source).where(*conditions), ()

        return self._kept.get(shape) or self._text(shape, build)

    def tally(self, table: str, tests: tuple[Where, ...], where: Where, by: str, join: str) -> Text:
        """Return a question for numbers by a column: values of every test, then of `where`."""
        shape: Shape = ("tally", table, tests, where, by, join)

        def build() -> tuple[ClauseElement, Sequence[str]]:
            source, binds = _table(table), _Binds()
            counts = [
                func.count().filter(and_(true(), *self._conditions(source, test, binds)))
                for test in tests
            ]
            statement = select(source.c[by], *counts).select_from(_joined(source, join)[0])
            statement = statement.where(*self._conditions(source, where, binds))
            return statement.group_by(source.c[by]), ()

        return self._kept.get(shape) or self._text(shape, build)

    def _directed(self, column: Column[Any], descending: bool) -> ColumnElement[Any]:
        directed = column.desc() if descending else column.asc()
        if not (self._is_postgresql and column.nullable):
            return directed
        # As SQLite sorts: empty columns stand before everything else.
        return directed.nulls_last() if descending else directed.nulls_first()

    def _conditions(self, table: Table, where: Where, binds: _Binds) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        for name, comparison, count in where:
            column = _column(table, name)
            if comparison == "in":
                some = [binds.next(column) for _ in range(count)]
                conditions.append(column.in_(some) if some else false())
            elif comparison == "holds":
                # SQLite's LIKE knows no case in ASCII; in PostgreSQL that one is called ILIKE.
                like = column.ilike if self._is_postgresql else column.like
                conditions += [like(binds.next(column), escape="/") for _ in range(count)]
            elif comparison == "is":
                conditions.append(column.is_(None))
            elif comparison == ">":
                conditions.append(column > binds.next(column))
            elif comparison == "<=":
                conditions.append(column <= binds.next(column))
            else:
                conditions.append(column == binds.next(column))
        return conditions


def pattern(part: str) -> str:
    """Return the pattern that finds a part anywhere in a text."""
    for letter in "/%_":
        part = part.replace(letter, "/" + letter)
    return f"%{part}%"


def padded(values: Sequence[Any]) -> Sequence[Any]:
    """Fill a list up to a length that other lists have, too; the last value stands again."""
    if not values or len(values) > LIST_MAX:
        return values
    wanted = 1 << (len(values) - 1).bit_length()
    return [*values, *[values[-1]] * (wanted - len(values))]


def runs(count: int) -> Iterator[int]:
    """Cut a number of rows into few sizes, so that few texts serve all numbers."""
    size = ROWS_MAX
    while count:
        while size > count:
            size //= 2
        count -= size
        yield size


def _table(name: str) -> Table:
    return schema.metadata.tables[name]


def key_of(table: Table) -> list[Column[Any]]:
    """Return the columns of a primary key."""
    return list(table.primary_key.columns)


def _column(table: Table, name: str) -> Column[Any]:
    """Return a column by name, or as `table.column` of another table."""
    other, dot, own = name.rpartition(".")
    return schema.metadata.tables[other].c[own] if dot else table.c[name]


def _joined(table: Table, join: str) -> tuple[FromClause, list[Column[Any]]]:
    """Return what to select from, and the columns that the join adds."""
    if not join:
        return table, []
    other = _table(join)
    same = and_(*(table.c[column.name] == column for column in key_of(other)))
    added = [column for column in other.columns if column.name not in table.c]
    return table.outerjoin(other, same), added


def _get(table: Table, count: int = 1) -> tuple[ClauseElement, Sequence[str]]:
    binds, key = _Binds(), key_of(table)
    keys = [and_(*(column == binds.next(column) for column in key)) for _ in range(count)]
    return select(table).where(or_(*keys)), [column.name for column in table.columns]


def _add(table: Table, names: tuple[str, ...]) -> tuple[ClauseElement, Sequence[str]]:
    binds = _Binds()
    row = {name: binds.next(_known(table, name)) for name in names}
    return insert(table).inline().values(row), ()


def _change(table: Table, names: tuple[str, ...]) -> tuple[ClauseElement, Sequence[str]]:
    binds = _Binds()
    values = {name: binds.next(_known(table, name)) for name in names}
    matches = [column == binds.next(column) for column in key_of(table)]
    return update(table).where(*matches).values(values), ()


def _known(table: Table, name: str) -> Column[Any]:
    if name not in table.c:
        raise ValueError(f"{table.name} has no column {name}")
    return table.c[name]
