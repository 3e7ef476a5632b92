"""What every command is given: options, console, time, and the hub's folders."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hub.repository.durable import Disk
from hub.repository.online_keys import OnlineKeys
from hub.repository.policy import moment
from hub.repository.repository import Outcome, Repository
from hub.repository.rotation import Plan
from hub.repository.wrapped_key import Cost
from tools.console import Console
from tools.key_files import KeyFiles


class Context:
    """Hold one command's surroundings."""

    def __init__(self, options: argparse.Namespace, console: Console, now_s: int, cost: Cost):
        self.options = options
        self.console = console
        self.now_s = now_s
        self.key_files = KeyFiles(console, cost)

    @property
    def repository_path(self) -> Path:
        """Return the repository's folder in the hub's data folder."""
        return Path(self.options.data) / "repository"

    @property
    def online_path(self) -> Path:
        """Return the folder of the hub's own keys."""
        return Path(self.options.data) / "keys" / "online"

    def repository(self) -> Repository:
        """Open the hub's repository."""
        return Repository(self.repository_path, OnlineKeys(self.online_path))

    def open_keys(self) -> list[Any]:
        """Open the key files named by `--key`."""
        return self.key_files.open_all(self.options.key)

    def finish(self, plan: Plan, signers: Iterable[Any], stolen: bool = False) -> bool:
        """Sign a plan and publish it, or write it out with `--export`; tell whether it counts."""
        plan.sign(signers)
        if self.options.export is not None:
            for one in plan.requests:
                path = Path(self.options.export) / f"{one.role}.request.json"
                Disk().write(path, one.to_bytes())
                self.console.say("exported", path=path)
            return False
        return self.report(plan.publish(self.now_s, stolen), plan.requests[0].role)

    def report(self, outcome: Outcome, role: str) -> bool:
        """Say what became of a change; tell whether it is published."""
        if outcome.published:
            self.console.say("published", version=outcome.version)
        else:
            self.console.say("waiting", missing=outcome.missing, role=role)
        return outcome.published


def date(seconds: float) -> str:
    """Return Unix seconds as people write them, in Vietnam's time."""
    return moment(int(seconds) + 7 * 3600).strftime("%Y-%m-%d %H:%M")
