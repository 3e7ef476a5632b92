"""Languages: each hamlet hears what it asks for, in its order; what is missing is Vietnamese."""

from protocols import alert, alert_merge, board_pages, bundle, preview
from protocols.errors import RemoteFault
from protocols.programme import Programme
from protocols.targets import Place
from tests.portable import manifests
from tests.portable.manifests import DAY_MS, at_ms

ASKED = [
    {"languages": ["vi-VN"], "hamlets": []},
    {"languages": ["bdq", "vi-VN"], "hamlets": ["kon", "lang-b"]},
    {"languages": ["jra"], "hamlets": ["jrai"]},
    {"languages": ["hre", "bdq"], "hamlets": ["hre"]},
]


def variant(number, language):
    item = manifests.item("news." + language, number, 300)
    item["language"], item["variant_of"] = language, "news"
    return item


def spoken(value):
    """Let a bundle's news have two variants."""
    value["items"] += [variant(21, "bdq"), variant(22, "hre")]
    value["rules"][0]["items"] = ["news", "news.bdq", "news.hre"]
    return value


def own(asked=None):
    value = manifests.bundle()
    value["policy"]["languages"] = ASKED if asked is None else asked
    return value


def place(hamlet):
    return Place(manifests.COMMUNE, hamlet, (), "speaker", ("opus",))


def heard(hamlet, bundles, rule=0, of=0):
    programme = Programme(place(hamlet), bundles)
    found = bundles[of]
    return [item.id for item in programme.items(found, found.rules[rule])]


def test_each_hamlet_hears_its_languages_in_its_order():
    read = (bundle.from_dict(spoken(own())),)
    assert heard("kon", read) == ["news.bdq", "news"]
    assert heard("hre", read) == ["news.hre", "news.bdq"]
    assert heard("jrai", read) == ["news"], "no Jarai: Vietnamese"
    assert heard("", read) == ["news"] and heard("elsewhere", read) == ["news"]
    assert heard("kon", read, rule=1) == ["notice"], "what has no variants plays as it is"
    again = bundle.from_dict(read[0].to_dict())
    assert again == read[0]


def test_where_nothing_is_asked_for_vietnamese_plays_alone():
    read = (bundle.from_dict(spoken(own([]))),)
    assert heard("kon", read) == ["news"]
    value = spoken(own([]))
    value["items"][0]["language"], value["items"][-1]["language"] = "hre", "vi-VN"
    assert heard("kon", (bundle.from_dict(value),)) == ["news.hre"], "whichever is Vietnamese"


def test_the_own_units_order_rules_what_comes_from_above_too():
    above = spoken(manifests.bundle(manifests.PROVINCE, []))
    for item in above["items"]:
        item["class"] = "priority"
    above["policy"]["languages"] = [{"languages": ["hre"], "hamlets": []}]
    read = (bundle.from_dict(own()), bundle.from_dict(above))
    assert heard("kon", read, of=1) == ["news.bdq", "news"]
    assert heard("elsewhere", read, of=1) == ["news"]


def test_a_variant_of_a_variant_which_nobody_would_hear_is_refused():
    for item, of in (("news", "news.bdq"), ("news.bdq", "news.bdq"), ("news.hre", "news.bdq")):
        value = spoken(own())
        for one in value["items"]:
            if one["id"] == item:
                one["variant_of"] = of
        try:
            bundle.from_dict(value)
        except RemoteFault as fault:
            assert fault.code == "format.field" and "variant" in fault.message, fault.message
        else:
            raise AssertionError(item)


def test_only_what_is_heard_is_fetched_and_foreseen():
    read = bundle.from_dict(spoken(own()))
    asked = read.policy.languages
    for hamlet, numbers in (("kon", [21, 1]), ("jrai", [1])):
        window = (at_ms("00:00"), at_ms("10:00"))
        found = bundle.blobs_needed(read, place(hamlet), window[0], window[1], asked)
        audio = [blob.sha256 for blob in found if blob.media_type != "image/png" and blob.at_ms > 1]
        assert audio == [manifests.digest(number) for number in numbers]
    facts = preview.what_will_play(
        place("kon"), (read,), (), None, at_ms("05:00"), at_ms("05:00") + DAY_MS // 8
    )
    assert [fact.item for fact in facts] == ["news.bdq", "news"]


def drawn(value):
    """Give a bundle's page three sisters: two for Kon's order, one for Hrê's."""
    value["pages"][0]["item"] = "p"
    for name, number, asked in (
        ("p.1", 31, ["bdq", "vi-VN"]),
        ("p.2", 32, ["bdq", "vi-VN"]),
        ("p.3", 33, ["hre", "bdq"]),
    ):
        page = manifests.page(name, number)
        page["item"], page["asked"] = "p", asked
        value["pages"].append(page)
    return value


def stands(hamlet, bundles, standing=()):
    programme = Programme(board(hamlet), bundles)
    found = board_pages.candidates(programme, list(standing), at_ms("09:00"))
    return [page.id for _, page in found]


def board(hamlet):
    return Place(manifests.COMMUNE, hamlet, (), "board", ("board-192x64x1",))


def test_each_hamlet_sees_the_pages_drawn_for_its_languages():
    value = drawn(own())
    plain = value["pages"][0]["id"]
    read = (bundle.from_dict(value),)
    assert stands("kon", read) == stands("lang-b", read) == ["p.1", "p.2"]
    assert stands("hre", read) == ["p.3"]
    assert stands("jrai", read) == stands("", read) == [plain], "nothing is drawn for these"
    assert bundle.from_dict(read[0].to_dict()) == read[0]
    value = drawn(own([]))
    assert stands("kon", (bundle.from_dict(value),)) == [plain]


def test_a_board_fetches_only_the_pages_that_it_will_show():
    read = bundle.from_dict(drawn(own()))
    asked = read.policy.languages
    window = (at_ms("05:00"), at_ms("09:00"))

    def fetched(hamlet):
        needed = bundle.blobs_needed(read, board(hamlet), window[0], window[1], asked)
        return sorted([blob.sha256 for blob in needed])

    assert fetched("kon") == [manifests.digest(31), manifests.digest(32)]
    assert fetched("hre") == [manifests.digest(33)]
    plain = read.pages[0].renditions[0].sha256
    assert fetched("") == [plain]


def test_an_alert_s_pages_are_drawn_for_languages_too():
    value = own()
    value["pages"] = []
    shown = []
    for name, number, asked in (("a.0", 41, []), ("a.1", 42, ["hre", "bdq"])):
        page = manifests.page(name, number, "emergency")
        del page["from_s"], page["until_s"]
        page["item"], page["asked"] = "a", asked
        shown.append(page)
    entry = manifests.alert("a", 40, at_ms("08:30") // 1000)
    entry["pages"] = shown
    alerts = alert.from_dict(manifests.alerts([entry]))
    read = (bundle.from_dict(value),)
    place = board("hre")
    assert stands("hre", read, alert_merge.standing((alerts,), place)) == ["a.1"]
    assert stands("kon", read, alert_merge.standing((alerts,), place)) == ["a.0"]


def test_a_page_for_an_order_names_its_item():
    value = drawn(own())
    del value["pages"][1]["item"]
    try:
        bundle.from_dict(value)
    except RemoteFault as fault:
        assert fault.code == "format.field" and "item" in fault.message
    else:
        raise AssertionError("a page stands in for nothing")


def test_more_than_ten_pages_turn_in_the_order_of_the_manifest():
    value = own()
    value["pages"] = [manifests.page("b.%d" % number, 50 + number) for number in range(12)]
    read = (bundle.from_dict(value),)
    assert stands("", read) == ["b.%d" % number for number in range(12)]
