"""Type confusion anywhere: one field of a role, drawn at any depth, becomes something else."""

from tests.edge.repository import TOP
from tests.edge.story import kind_of

VALUES = (
    *(None, True, False, 0, -1, 1, 2, 2**53 - 1, "", "x", "1", [], {}, ["x"], {"x": 1}, [[]]),
    *("1.0.31", "1", "2.0.0", "1.x", "01.0", "1.0.31.0", "2031-02-29T00:00:00Z"),
    *("2031-03-01T00:00:00Z", "2031-3-1T0:0:0Z", "2031-03-01T00:00:00+00:00", "2031-03-01"),
)


def _walk(value, way=()):
    # Every place in a document: (container, key, way to it).
    places = []
    if isinstance(value, dict):
        for key in sorted(value):
            places.append((value, key, (*way, key)))
            places += _walk(value[key], (*way, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            places.append((value, number, (*way, "*")))
            places += _walk(item, (*way, "*"))
    return places


_NAMED = ("keys", "meta", "targets", "roles")


def _general(way: tuple) -> str:
    # Names that differ from story to story stand as a star.
    names = []
    for number, name in enumerate(way):
        free = number and way[number - 1] in _NAMED and name not in (*TOP, "*", "succinct_roles")
        names.append("*" if free else name)
    return ".".join(names)


def break_a_field(story) -> str:
    """Replace, remove or add one field of one role."""
    role = story.pick((*TOP, "targets", *story.delegated()))
    told = []
    draw = story.random.random()
    share = story.random.random()
    value = story.pick(VALUES)

    def change(signed):
        places = _walk(signed)
        container, key, way = places[int(share * len(places))]
        if draw < 0.15 and isinstance(container, dict):
            del container[key]
            how = "removed"
        elif draw < 0.25 and isinstance(container, dict):
            container["more"] = value
            way, how = (*way[:-1], "more"), f"= {value!r}"
        else:
            container[key] = value
            how = f"= {value!r}"
        if not told:
            told.append("")
            story.told.append(f"field {kind_of(role)}: {_general(way)} {how}")

    story.change(role, change)
    return ""
