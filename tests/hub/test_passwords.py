"""Which passwords are taken, and how many checks run at once."""

import asyncio

import pytest

from hub import passwords
from protocols.errors import RemoteFault, WorldFault


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("ngắn quá", "password.short"),
        ("a" * 400, "password.long"),
        ("password1234", "password.common"),
        ("qwertyqwerty", "password.common"),
        ("aaaaaaaaaaaaaa", "password.common"),
        ("xin chào can-bo nhé", "password.common"),
    ],
)
def test_weak_passwords_are_refused_by_name(password, code):
    with pytest.raises(RemoteFault) as caught:
        passwords.clean(password, "can-bo")
    assert caught.value.code == code


def test_a_password_is_the_same_in_every_keyboard_s_spelling():
    split = "bốn từ chẳng ai ghép"
    assert passwords.clean(split, "xa-1") == "bốn từ chẳng ai ghép"


async def test_too_many_at_once_are_asked_to_come_back(monkeypatch):
    monkeypatch.setattr(passwords, "CHECKS_WAITING_MAX", 5)
    checker, hashed = passwords.Checker(), passwords.hash_now("bốn từ chẳng ai ghép")
    crowd = [checker.check(hashed, "sai") for _ in range(passwords.CHECKS_WAITING_MAX + 3)]
    outcomes = await asyncio.gather(*crowd, return_exceptions=True)
    assert outcomes.count(False) == passwords.CHECKS_WAITING_MAX
    busy = [one for one in outcomes if isinstance(one, WorldFault)]
    assert len(busy) == 3 and busy[0].code == "hub.busy"
    assert await checker.check(hashed, "bốn từ chẳng ai ghép")
    assert not await checker.check(None, "bốn từ chẳng ai ghép")
