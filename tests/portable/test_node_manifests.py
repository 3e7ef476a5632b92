"""Settings, orders and mandates: read, refused by name, written back to equal bytes."""

from protocols import bundle, canonical, mandates, settings
from protocols.errors import RemoteFault
from tests.portable import manifests
from tests.portable.refusals import check, refusal


def _known_orders():
    value = manifests.orders()
    value["orders"].pop()
    return value


def test_what_is_read_is_written_back():
    for make, read, build in (
        (manifests.settings, settings.read_settings, settings.build_settings),
        (_known_orders, settings.read_orders, settings.build_orders),
        (manifests.mandates, mandates.read, mandates.build),
    ):
        first = read(canonical.encode(make()))
        data = build(make())
        assert read(data) == first
        assert canonical.encode(first.to_dict()) == data


def test_settings_and_orders_are_refused_by_the_name_of_the_field():
    check(
        manifests.settings,
        settings.read_settings,
        (
            (("volume_percent",), 101, "settings.volume_percent: is out of its range"),
            (("sequence",), 0, "settings.sequence: is out of its range"),
            (("node",), "a/b", "settings.node: is not an id"),
        ),
    )
    check(
        manifests.orders,
        settings.read_orders,
        (
            (("orders", 3, "version"), 0, "orders.orders[3].version: is out of its range"),
            (("orders", 0, "kind"), "a shell", "orders.orders[0].kind: is not an id"),
            (("orders", 0, "id"), "", "orders.orders[0].id: is not an id"),
        ),
    )


def test_what_the_online_key_may_not_say_is_refused_as_widening():
    for make, read in (
        (manifests.settings, settings.read_settings),
        (manifests.orders, settings.read_orders),
    ):
        for field in ("hubs", "move", "decommission", "hamlet", "emergency_ceiling_percent"):
            value = make()
            value[field] = "anything"
            assert refusal(read, value).startswith("settings.widening "), field


def test_a_hub_signs_no_order_that_its_nodes_do_not_know():
    value = manifests.orders()
    assert settings.orders_from_dict(value).orders[4].kind == "sing"
    try:
        settings.build_orders(value)
        raise AssertionError("built")
    except RemoteFault as fault:
        assert fault.message.startswith("orders.kind")


def test_mandates_are_refused_by_the_name_of_the_field():
    check(
        manifests.mandates,
        mandates.read,
        (
            (("unit",), "nowhere", "mandates.unit: is no unit id"),
            (("nodes", 0, "sequence"), 8, "mandates.nodes[0].sequence: is out of its range"),
            (("nodes", 0, "hubs"), [], "mandates.nodes[0].hubs"),
            (("nodes", 0, "hubs", 0), "ftp://hub", "mandates.nodes[0].hubs: an address"),
            (("nodes", 0, "hubs", 0), "http://a b", "mandates.nodes[0].hubs: an address"),
            (("nodes", 1, "move"), "x", "mandates.nodes[1].move: is no unit id"),
            (("nodes", 1, "node"), "node-1", "mandates.nodes[1].node: stands twice"),
            (("nodes", 2, "decommission"), 1, "mandates.nodes[2].decommission: is not true"),
            (("nodes", 0, "hamlet"), "a b", "mandates.nodes[0].hamlet: is not an id"),
        ),
    )
    found = mandates.from_dict(manifests.mandates())
    assert found.nodes["node-1"].hubs == ("https://hub.example", "http://10.0.0.1:8080")
    assert found.nodes["node-1"].move is None and not found.nodes["node-1"].decommission
    assert found.nodes["node-2"].hamlet == "" and found.nodes["node-2"].groups is None


def test_settings_only_narrow():
    policy = bundle.from_dict(manifests.bundle()).policy
    narrow = settings.narrow(policy, settings.settings_from_dict(manifests.settings()))
    noon = 12 * 3600
    assert policy.volume("normal", noon) == 80 and narrow.volume("normal", noon) == 70
    assert not policy.is_quiet("priority", noon) and narrow.is_quiet("priority", noon)
    assert not narrow.is_quiet("emergency", noon) and narrow.volume("emergency", noon) == 100
    early = 5 * 3600
    assert narrow.volume("normal", early) == 60
    assert narrow.is_quiet("normal", early - 1) and not narrow.is_quiet("normal", early)
    assert settings.narrow(policy, None) is policy
