"""Manifests under any input: accepted and written back equal, or refused with a remedy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import alert, bundle, canonical, mandates, relays, units
from protocols import settings as node_settings
from protocols.errors import RemoteFault
from protocols.fields import Fields
from protocols.limits import MANIFEST_BYTES_MAX, RELAY_BYTES_MAX
from tests.portable import manifests, recordings

numbers = st.integers(-(2**53), 2**53) | st.integers(-5, 200)
words = st.text(max_size=12) | st.sampled_from(["05:30", "2026-02-17", "news", "update", "h1"])
junk = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=6,
)


def full_alerts():
    first = manifests.alert("flood", 20, manifests.MIDNIGHT_S)
    first["repeat"] = {"gap_s": 60, "until_s": manifests.MIDNIGHT_S + 600}
    second = manifests.alert("clear", 21, manifests.MIDNIGHT_S + 60)
    second.update(kind="cancel", references=["flood"])
    return manifests.alerts([first, second])


def all_paths(value, prefix=()):
    if isinstance(value, dict):
        for key in sorted(value):
            yield (*prefix, key)
            yield from all_paths(value[key], (*prefix, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield (*prefix, index)
            yield from all_paths(inner, (*prefix, index))


FORMS = {
    "bundle": (manifests.bundle, bundle.from_dict),
    "relay bundle": (recordings.bundle, bundle.from_dict),
    "alert": (full_alerts, alert.from_dict),
    "settings": (manifests.settings, node_settings.settings_from_dict),
    "orders": (manifests.orders, node_settings.orders_from_dict),
    "mandates": (manifests.mandates, mandates.from_dict),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_change_is_read_or_refused_by_name(form, data):
    make, from_dict = FORMS[form]
    value = make()
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(all_paths(value))))
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        if data.draw(st.booleans()):
            holder[path[-1]] = data.draw(junk)
        else:
            del holder[path[-1]]
    try:
        found = from_dict(value)
    except RemoteFault as fault:
        assert fault.code == "format.field"
        assert fault.message.startswith(form.split()[-1])
        assert fault.remedy
    else:
        assert from_dict(found.to_dict()) == found


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_change_of_what_is_recorded_is_read_or_refused_by_name(data):
    value = recordings.relay([recordings.recording(1, 100), recordings.recording(2, 200)])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(all_paths(value))))
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = data.draw(junk)
    try:
        found = relays.read(canonical.encode(value), "vov1")
    except RemoteFault as fault:
        assert fault.remedy
        if not fault.code.startswith("json."):
            assert fault.code == "format.field" and fault.message.startswith("relay")
    else:
        assert found.source == "vov1" and found.version > 0


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_manifest_are_refused(data):
    for read in (
        bundle.read,
        alert.read,
        mandates.read,
        node_settings.read_settings,
        node_settings.read_orders,
    ):
        with pytest.raises(RemoteFault):
            read(data)
    with pytest.raises(RemoteFault):
        relays.read(data, "vov1")


def test_a_manifest_that_is_too_long_is_not_parsed():
    with pytest.raises(RemoteFault, match=r"json\.long"):
        bundle.read(b" " * (MANIFEST_BYTES_MAX + 1))
    with pytest.raises(RemoteFault, match=r"json\.long"):
        relays.read(b" " * (RELAY_BYTES_MAX + 1), "vov1")


def test_a_manifest_that_nodes_could_not_read_is_not_built():
    value = manifests.bundle()
    value["items"] = [
        manifests.item(f"i{number}", number) | {"title": "ă" * 250} for number in range(400)
    ]
    value["rules"], value["fallback"] = [], []
    with pytest.raises(RemoteFault, match="larger than a node reads"):
        bundle.build(value)


def test_the_largest_bundles_fit_their_limits():
    value = manifests.bundle()
    value["items"] = [manifests.item(f"i{number}", number) for number in range(512)]
    value["rules"] = [manifests.rule(f"r{number}", ["i1"], ["05:30"]) for number in range(256)]
    value["fallback"] = ["i2"]
    assert len(bundle.read(bundle.build(value)).items) == 512


@given(st.text(alphabet="ab1./A-", max_size=8))
def test_unit_ids_are_two_words_and_a_dot(text):
    expected = (
        text.count(".") == 1
        and all(part and part.isalnum() and part == part.lower() for part in text.split("."))
    )  # fmt: skip
    assert units.is_unit_id(text) == expected


def test_target_paths_of_a_unit():
    assert units.group("03.k7f2") == "03"
    assert units.bundle_path("03.k7f2") == "units/03.k7f2/bundle.json"
    assert units.alert_path("03.k7f2") == "alerts/03.k7f2/alert.json"
    assert units.auto_alert_path("03.k7f2") == "alerts/03.k7f2/auto.json"
    assert units.settings_path("03.k7f2", "n1") == "nodes/03.k7f2/n1/settings.json"
    assert units.orders_path("03.k7f2", "n1") == "nodes/03.k7f2/n1/orders.json"
    assert units.is_node_id("loa-1") and not units.is_node_id("a/b")


def test_half_a_surrogate_pair_never_reaches_the_encoder():
    with pytest.raises(RemoteFault, match="control"):
        Fields({"a": "\ud83d"}, "x").text("a", 0, 9)


def test_building_gives_the_canonical_bytes_of_what_is_read():
    data = bundle.build(manifests.bundle())
    assert canonical.encode(canonical.decode(data, MANIFEST_BYTES_MAX)) == data
