"""What can be wrong with a delegation, and with a target: see `tests.edge.breakages`."""

from tests.edge.story import Story


def _actions(owner: str, number: int) -> dict:
    def one(signed):
        return signed["delegations"]["roles"][number % len(signed["delegations"]["roles"])]

    def paths(value, name="paths"):
        def alter(signed):
            one(signed).pop("paths", None)
            one(signed).pop("path_hash_prefixes", None)
            one(signed)[name] = value

        return alter

    prefixes = "path_hash_prefixes"
    return {
        "paths none": paths([]),
        "paths star": paths(["*"]),
        "paths class": paths(["[]a-]", "[!]x]*", "[z-a]", "*/[!"]),
        "paths stars": paths(["**/*", "*a*", "**", "*/**"]),
        "paths odd": paths(["/a", "a/", "//", "", "./a", "../a", "a%2e", "a?", "A", "x+y*"]),
        "paths text": paths("*"),
        "paths number": paths([7]),
        "paths gone": lambda s: one(s).pop("paths", one(s).pop(prefixes, None)),
        "paths and prefixes": lambda s: one(s).update({"paths": ["*"], prefixes: [""]}),
        "prefixes none": paths([], prefixes),
        "prefixes empty": paths([""], prefixes),
        "prefixes upper": paths(list("ABCDEF"), prefixes),
        "prefixes lower": paths(list("abcdef01234"), prefixes),
        "terminating": lambda s: one(s).update(terminating=not one(s)["terminating"]),
        "terminating number": lambda s: one(s).update(terminating=1),
        "terminating gone": lambda s: one(s).pop("terminating"),
        "reversed": lambda s: s["delegations"]["roles"].reverse(),
        "twice": lambda s: s["delegations"]["roles"].append(dict(one(s))),
        "named root": lambda s: one(s).update(name="root"),
        "named targets": lambda s: one(s).update(name="targets"),
        "named nothing": lambda s: one(s).update(name=""),
        "named unknown": lambda s: one(s).update(name="nobody"),
        "named dots": lambda s: one(s).update(name="../../targets"),
        "named long": lambda s: one(s).update(name="n" * 300),
        "to itself": lambda s: one(s).update(name=owner if owner != "targets" else "B"),
        "keys gone": lambda s: s["delegations"].pop("keys"),
        "roles gone": lambda s: s["delegations"].pop("roles"),
        "gone": lambda s: s.pop("delegations"),
        "null": lambda s: s.update(delegations=None),
        "succinct too": lambda s: s["delegations"].update(
            succinct_roles={"keyids": [], "threshold": 1, "bit_length": 1, "name_prefix": "bin"}
        ),
        "field": lambda s: one(s).update(more=[{}]),
    }


def delegation(story: Story) -> str:
    """Alter one delegation."""
    if not story.delegators():
        return ""
    owner = story.pick(story.delegators())
    actions = _actions(owner, story.random.randrange(1000))
    name = story.pick(actions)
    story.change(owner, actions[name])
    return f"delegation: {name}"


def target(story: Story) -> str:
    """Serve a target wrongly, or describe it wrongly."""
    listed = [
        (role, path)
        for role in ("targets", *story.delegated())
        for path in story.signed[role].targets
    ]
    role, path = story.pick(listed)
    found = story.signed[role].targets[path]
    data = b"data that nobody signed"

    def describe(**fields):
        def alter(signed):
            signed["targets"][path].update(fields)

        story.change(role, alter)

    how = story.pick(
        ("404", "403", "500", "other", "longer", "cut", "empty", "length more", "length less")
        + ("hash", "second hash", "unknown hash", "no hashes", "hash upper", "length text")
        + ("length -1", "custom", "empty hash", "unlisted", "large length")
    )
    whole = story.files["targets/" + path]
    wrong = "00" * 32
    served = {"other": data, "longer": whole + b"x", "cut": whole[:-1], "empty": b""}
    described = {
        "length more": {"length": found.length + 1},
        "length less": {"length": found.length - 1},
        "length text": {"length": "7"},
        "length -1": {"length": -1},
        "large length": {"length": 10**12},
        "hash": {"hashes": {"sha256": wrong}},
        "empty hash": {"hashes": {"sha256": ""}},
        "second hash": {"hashes": {**found.hashes, "sha512": wrong}},
        "unknown hash": {"hashes": {**found.hashes, "rot13": "x"}},
        "no hashes": {"hashes": {}},
        "hash upper": {"hashes": {k: v.upper() for k, v in found.hashes.items()}},
        "custom": {"custom": ["anything"]},
    }
    if how in described:
        describe(**described[how])
    elif how == "unlisted":
        story.change(role, lambda signed: signed["targets"].pop(path))
    elif how.isdigit():
        story.afters.append(lambda: story.serve_target(found, int(how)))
    else:
        story.afters.append(lambda: story.serve_target(found, served[how]))
    return f"target: {how}"
