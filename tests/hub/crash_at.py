"""Approve one bulletin in a process that kills itself before or after its n-th durable step."""

import asyncio
import os
import signal

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key

from hub.config import Config
from hub.publishing import Publisher, Signature
from hub.repository.durable import Disk
from hub.repository.online_keys import OnlineKeys
from hub.repository.repository import Repository
from hub.services import open_hub


class Countdown:
    """Kill this process without warning when the steps are used up."""

    def __init__(self, steps):
        self.left = steps

    def step(self):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


class FatalDisk(Disk):
    """Count every change of a file."""

    def __init__(self, countdown):
        self._countdown = countdown

    def write(self, path, data, mode=0o644):
        self._countdown.step()
        super().write(path, data, mode)
        self._countdown.step()

    def remove(self, path):
        self._countdown.step()
        super().remove(path)


class FatalLedger:
    """Count every transaction."""

    def __init__(self, ledger, countdown):
        self._ledger = ledger
        self._countdown = countdown

    async def write(self, decide):
        self._countdown.step()
        result = await self._ledger.write(decide)
        self._countdown.step()
        return result

    async def read(self, ask):
        return await self._ledger.read(ask)


def signature(opened):
    """Return the signature that a pickled key makes: private PEM, key id and public half."""
    private, keyid, public = opened
    key = Key.from_dict(keyid, dict(public))
    return Signature("xa-1", CryptoSigner(load_pem_private_key(private, None), key))


def approve(folder, bulletin, opened, steps):
    """Approve `bulletin` and be killed at a step; return normally when steps are left."""
    config = Config(data=folder, start_lead_s=5)
    countdown = Countdown(steps)
    services, database = open_hub(config)
    disk = FatalDisk(countdown)
    repository = Repository(config.repository, OnlineKeys(config.online_keys), disk)
    publisher = Publisher(config, FatalLedger(database, countdown), repository, services.blobs)
    asyncio.run(publisher.approve(bulletin, [signature(opened)]))
    database.close()
