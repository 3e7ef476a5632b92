"""Whatever a stick holds, the reader answers with an alert or a fault."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import canonical, offline_alert
from protocols.errors import RemoteFault
from tests.portable.manifests import alert, alerts

NOW_S = 1800000000
GOOD = offline_alert.encode(
    offline_alert.signed_part(canonical.encode(alerts([alert("flood", 1, NOW_S)]))), {"a": "00"}
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


def outcome(read, data):
    try:
        return read(data)
    except RemoteFault as fault:
        assert fault.code and fault.remedy
        return None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(data):
    for read in (offline_alert.read, offline_alert.read_replays):
        assert outcome(read, data) is None


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_field_replaced(data):
    document = json.loads(GOOD)
    at, where = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(at[where], (dict, list)) and at[where] and data.draw(st.booleans()):
        at = at[where]
        where = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
    at[where] = data.draw(VALUES)
    found = outcome(offline_alert.read, json.dumps(document).encode())
    if found is not None:
        again = offline_alert.encode(found.signed, found.signatures)
        # Canonical JSON writes control characters as they are, which no reader of JSON takes.
        if min(again) >= 0x20:
            assert offline_alert.read(again).alerts == found.alerts
