"""What the hub's own key may say: short, fresh, seldom, and nothing about a person's alert."""

from protocols import alert, auto_alert
from protocols.errors import RemoteFault
from protocols.limits import AUTO_PER_DAY_MAX
from tests.portable.manifests import MIDNIGHT_S, alerts
from tests.portable.manifests import alert as entry

DAY_S = 86400


def relayed(name="auto.1", **fields):
    one = entry(name, 7, MIDNIGHT_S)
    one.update(fields)
    return one


def read(*entries, version=1):
    return alert.from_dict(alerts(list(entries), version=version))


def code_of(call, *arguments):
    try:
        call(*arguments)
    except RemoteFault as fault:
        return fault.code
    return ""


def test_what_keeps_within_the_bounds_passes():
    cancel = relayed("auto.2", kind="cancel", references=["auto.1"], renditions=[])
    assert code_of(auto_alert.check, read(relayed(), cancel)) == ""


def test_each_bound_holds_alone():
    long_sound = entry("auto.1", 7, MIDNIGHT_S, 121)
    for one in (
        relayed("flood"),
        relayed("auto.2", kind="cancel", references=["flood"], renditions=[]),
        relayed("auto.2", kind="update", references=["auto.1", "flood"]),
        relayed(expires_s=MIDNIGHT_S + 6 * 3600 + 1),
        relayed(maximum_age_s=3601),
        relayed(repeat={"gap_s": 299, "until_s": MIDNIGHT_S + 3600}),
        long_sound,
    ):
        assert code_of(auto_alert.check, read(one)) == "alert.auto", one


def test_a_day_holds_a_few_whatever_their_manifests():
    allowance, now_s = auto_alert.Allowance(), MIDNIGHT_S
    for number in range(AUTO_PER_DAY_MAX):
        assert allowance.admit(read(relayed("auto." + str(number))), None, now_s + number)
    seventh = read(relayed("auto.x"))
    before = dict(allowance.seen)
    assert code_of(allowance.admit, seventh, None, now_s + 99) == "alert.auto_rate"
    assert allowance.seen == before
    held = read(relayed("auto.0"))
    assert allowance.admit(held, held, now_s + 99) is False, "known ones come again"
    assert allowance.admit(held, None, now_s + 99) is False, "the disk lost it meanwhile"
    assert code_of(allowance.admit, seventh, None, now_s + DAY_S - 1) == "alert.auto_rate"
    assert allowance.admit(seventh, None, now_s + DAY_S)
    again = auto_alert.read(allowance.export())
    assert again.seen == allowance.seen


def test_what_comes_back_or_changes_under_its_id_counts_anew():
    for changed in (True, False):
        allowance, held, version = auto_alert.Allowance(), None, 0
        codes = []
        while not codes:
            version += 1
            one = relayed(title="Tin " + str(version)) if changed else relayed()
            found = read(one, version=version)
            code = code_of(allowance.admit, found, held, MIDNIGHT_S)
            if code:
                codes.append(code)
            held = found if changed else read(version=version)
        assert (codes, version) == (["alert.auto_rate"], AUTO_PER_DAY_MAX + 1)


def test_an_alert_of_the_future_is_refused_where_the_time_is_known():
    found = read(relayed())
    allowance = auto_alert.Allowance()
    sent_s = found.alerts[0].sent_s
    assert code_of(allowance.admit, found, None, sent_s - 901) == "alert.auto"
    assert allowance.admit(found, None, sent_s - 900)


def test_the_longest_names_are_read_back():
    allowance = auto_alert.Allowance()
    entries = [relayed("auto." + str(number) + "x" * 58) for number in range(AUTO_PER_DAY_MAX)]
    assert allowance.admit(read(*entries, version=1 << 52), None, MIDNIGHT_S)
    assert auto_alert.read(allowance.export()).seen == allowance.seen


def test_without_a_clock_nothing_is_forgotten_and_the_day_begins_with_the_clock():
    allowance, now_s = auto_alert.Allowance(), MIDNIGHT_S
    for number in range(AUTO_PER_DAY_MAX):
        assert allowance.admit(read(relayed("auto." + str(number))), None, None)
    assert code_of(allowance.admit, read(relayed("auto.x")), None, None) == "alert.auto_rate"
    assert code_of(allowance.admit, read(relayed("auto.x")), None, now_s) == "alert.auto_rate"
    assert allowance.admit(read(relayed("auto.x")), None, now_s + DAY_S)


def test_a_broken_count_is_told():
    for data in (
        b"",
        b"{",
        b'{"format":"chieng-auto/1","seen":7}',
        b'{"format":"chieng-auto/1","seen":[["a"]]}',
        b'{"format":"chieng-auto/1","seen":[["a",-1]]}',
        b'{"format":"chieng-auto/2","seen":[]}',
    ):
        assert code_of(auto_alert.read, data) != "", data
