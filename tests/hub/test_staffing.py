"""The registrar's page: somebody comes and signs, somebody leaves and does not count any more."""

import asyncio
import html
import re

import pytest

from hub import approvers, founding, staffing
from hub.approvers import KeyOpener
from hub.repository import expiries
from protocols.errors import RemoteFault
from tests.hub.conftest import COMMUNE
from tests.hub.test_pages import pages, write

__all__ = ("pages",)

PATH = f"/units/{COMMUNE}/approvers"


async def active(services):
    rows = await services.ledger.read(lambda s: approvers.active(s, COMMUNE))
    return [row["approver"] for row in rows]


async def test_somebody_comes_signs_and_whoever_left_does_not(pages, services, passphrases):
    registrar = {"registrar": passphrases["registrar-1"], "threshold": "1"}
    _, text = await pages("GET", f"/units/{COMMUNE}")
    assert PATH in text
    comes = {"name": "Chủ tịch mới", "approver": "xa-3"}
    response, text = await pages("POST", PATH, data={**comes, "registrar": "sai", "threshold": "1"})
    assert response.status == 422 and "Chủ tịch mới" in text and await active(services) == [
        "xa-1", "xa-2"]  # fmt: skip
    response, text = await pages("POST", PATH, data={**comes, **registrar})
    assert response.status == 200
    passphrase = html.unescape(re.search(r'class="key">([^<]+)<', text)[1])
    _, text = await pages("GET", PATH)
    assert passphrase not in text and "Chủ tịch mới" in text
    path, _ = await write(pages)
    signed = {"approver": "xa-3", "passphrase": passphrase}
    response, text = await pages("POST", f"{path}/approve", data=signed)
    assert response.status == 200 and "Đã phát hành" in text
    response, text = await pages("POST", PATH + "/leave", data={**registrar, "leaves": "xa-3"})
    assert response.status == 200 and "Đã thôi ký" in text and "chỉ do người đã thôi ký" in text
    assert expiries.orphans(services.repository) == [f"unit-{COMMUNE}"]
    path, _ = await write(pages)
    response, _ = await pages("POST", f"{path}/approve", data=signed)
    assert response.status >= 400
    again = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    response, text = await pages("POST", f"{path}/approve", data=again)
    assert response.status == 200 and expiries.orphans(services.repository) == []


async def test_whoever_stays_signs_again_in_the_same_step(pages, services, passphrases):
    path, _ = await write(pages)
    first = {"approver": "xa-1", "passphrase": passphrases["xa-1"]}
    await pages("POST", f"{path}/approve", data=first)
    sent = {"registrar": passphrases["registrar-1"], "threshold": "1", "leaves": "xa-1"}
    stays = {"approver_stays": "xa-1", "passphrase": passphrases["xa-1"]}
    response, _ = await pages("POST", PATH + "/leave", data={**sent, **stays})
    assert response.status >= 400 and await active(services) == ["xa-1", "xa-2"]
    stays = {"approver_stays": "xa-2", "passphrase": passphrases["xa-2"]}
    response, text = await pages("POST", PATH + "/leave", data={**sent, **stays})
    assert response.status == 200 and "chỉ do người đã thôi ký" not in text
    assert expiries.orphans(services.repository) == [] and await active(services) == ["xa-2"]
    response, text = await pages("POST", PATH + "/leave", data={**sent, "leaves": "xa-2"})
    assert response.status == 400 and "còn lại quá ít" in text


async def test_two_signatures_stay_two_and_are_never_more_than_there_are(services, passphrases):
    registrar = await KeyOpener().few(
        founding.open_registrar, services.config, passphrases["registrar-1"]
    )

    async def do(threshold, leaves=""):
        change = staffing.Change(COMMUNE, threshold, None, leaves)
        return await staffing.carry_out(services, change, registrar, None, "test")

    assert await do(2) == [] and staffing.threshold(services, COMMUNE) == 2
    for change, code in (((2, "xa-1"), "few"), ((3, ""), "threshold"), ((1, "tinh-1"), "gone")):
        with pytest.raises(RemoteFault) as caught:
            await do(*change)
        assert caught.value.code == "approver." + code
    assert await do(1, "xa-2") == [] and staffing.threshold(services, COMMUNE) == 1


async def test_of_two_changes_at_once_neither_undoes_the_other(services, passphrases):
    registrar = await KeyOpener().few(
        founding.open_registrar, services.config, passphrases["registrar-1"]
    )
    comes = approvers.generate("xa-3", COMMUNE, "Chủ tịch mới")
    changes = [
        staffing.Change(COMMUNE, 1, None, "xa-1"),
        staffing.Change(COMMUNE, 1, comes),
        staffing.Change(COMMUNE, 1, None, "xa-2"),
    ]
    await asyncio.gather(
        *(staffing.carry_out(services, one, registrar, None, "test") for one in changes)
    )
    assert await active(services) == ["xa-3"]
    signing = {key.keyid for key in services.repository.unit(COMMUNE).approvers}
    assert signing == {comes.row["key_id"]}
