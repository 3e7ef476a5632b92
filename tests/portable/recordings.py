"""Small bundles with a slot that recordings fill, and what is recorded; made anew on each call."""

from tests.portable import manifests


def bundle(source="vov1", minutes=10, age_s=86400, clock="05:30"):
    """Return a bundle whose one slot is filled by recordings of a source."""
    value = manifests.bundle()
    marked = manifests.item("relay." + source + ".e1", 0)
    mark = {"source": source, "duration_max_ms": minutes * 60000, "age_max_s": age_s}
    marked.update(renditions=[], relay=mark)
    value["items"].append(marked)
    value["rules"] = [manifests.rule("relay", [marked["id"]], [clock])]
    value.update(pages=[], fallback=[])
    value["policy"]["relays"] = [source]
    return value


def recording(number, from_s, seconds=60):
    """Return a broadcast that may fill slots for a week."""
    return {
        "title": "Thời sự " + str(number),
        "from_s": from_s,
        "until_s": from_s + 7 * 86400,
        "renditions": [manifests.rendition(number, seconds)],
    }


def relay(recordings, source="vov1", version=1):
    """Return what is recorded of a source."""
    return {
        "format": "chieng-relay/1",
        "version": version,
        "source": source,
        "refused": [],
        "recordings": recordings,
    }
