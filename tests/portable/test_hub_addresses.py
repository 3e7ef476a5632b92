"""Addresses of the hub: tried in turn, the good one remembered, a new list on trial first."""

from protocols.errors import RemoteFault
from protocols.hub_addresses import (
    ADOPTED,
    GIVEN_UP,
    MISSES_MAX,
    NOTHING,
    STRAY_CHECKS,
    HubAddresses,
    check_addresses,
)

OLD = ("http://one", "http://two")
NEW = ("http://new",)


def test_addresses_are_tried_in_turn_and_the_good_one_is_remembered():
    hubs = HubAddresses(OLD)
    assert hubs.base() == "http://one"
    hubs.failed("http://one")
    hubs.failed("http://one")
    assert hubs.base() == "http://two"
    assert hubs.answered("http://two") == NOTHING
    again = HubAddresses(OLD, hubs.export())
    assert (again.base(), again.known()) == ("http://two", ["http://two", "http://one"])
    again.failed("http://two")
    again.failed("http://one")
    assert again.base() == "http://two"


def test_a_new_list_counts_after_its_first_verified_answer_and_survives_a_reboot():
    hubs = HubAddresses(OLD)
    assert hubs.propose(NEW, "order-1")
    assert not hubs.propose(NEW, "order-1")
    assert (hubs.base(), hubs.known()) == ("http://new", list(OLD))
    hubs = HubAddresses(OLD, hubs.export())
    assert (hubs.base(), hubs.trial()) == ("http://new", NEW)
    assert hubs.answered("http://new") == ADOPTED
    hubs = HubAddresses(OLD, hubs.export())
    assert (hubs.base(), hubs.trial()) == ("http://new", ())
    assert hubs.known() == ["http://new", "http://one", "http://two"]
    assert not hubs.propose(NEW, "order-1")


def test_between_tries_of_the_new_the_old_one_serves():
    hubs = HubAddresses(OLD)
    hubs.propose(NEW, "order-1")
    for _ in range(3):
        assert hubs.base() == "http://new"
        hubs.failed("http://new")
        assert hubs.base() == "http://one"
        assert hubs.answered("http://one") == NOTHING
    assert hubs.answered(hubs.base()) == ADOPTED


def test_a_list_that_never_answers_is_given_up_and_its_order_with_it():
    hubs = HubAddresses(OLD)
    hubs.propose(NEW, "order-1")
    outcomes = []
    for turn in range(MISSES_MAX):
        if turn % 50 == 0:
            hubs = HubAddresses(OLD, hubs.export())
        hubs.failed("http://new")
        outcomes.append(hubs.answered("http://one"))
    assert outcomes == [NOTHING] * (MISSES_MAX - 1) + [GIVEN_UP]
    assert (hubs.base(), hubs.trial()) == ("http://one", ())
    assert not hubs.propose(NEW, "order-1")
    assert hubs.propose(NEW, "order-2")


def test_a_dead_link_gives_no_list_up():
    hubs = HubAddresses(OLD)
    hubs.propose(NEW, "order-1")
    for _ in range(10 * MISSES_MAX):
        hubs.failed(hubs.base())
    assert hubs.trial() == NEW
    assert hubs.export()["misses"] == 0


def test_the_last_resort_serves_while_the_new_list_is_down_and_is_left_again():
    hubs = HubAddresses(OLD)
    hubs.propose(NEW, "order-1")
    hubs.answered("http://new")
    hubs.failed("http://new")
    assert hubs.base() == "http://one"
    for _ in range(STRAY_CHECKS):
        assert hubs.base() == "http://one"
        hubs.answered("http://one")
    assert hubs.base() == "http://new"


def test_a_technicians_new_configuration_counts():
    hubs = HubAddresses(OLD)
    hubs.propose(NEW, "order-1")
    hubs.answered("http://new")
    fresh = HubAddresses(("http://three",), hubs.export())
    assert (fresh.base(), fresh.known()) == ("http://three", ["http://three"])


def test_the_list_that_stands_needs_no_trial():
    hubs = HubAddresses(OLD)
    assert hubs.propose(OLD, "order-1")
    assert (hubs.trial(), hubs.base()) == ((), "http://one")


def test_addresses_are_checked():
    assert check_addresses(["https://a/", "http://b:1"]) == ("https://a", "http://b:1")
    for wrong in ([], ["ftp://a"], ["http://a b"], [1], ["http://" + "a" * 200], ["http://a"] * 5):
        try:
            check_addresses(wrong)
        except RemoteFault as fault:
            assert fault.code == "hub.addresses"
            continue
        raise AssertionError(wrong)
