"""What a province may choose: how long each kind of signature holds."""

import json
from datetime import UTC, datetime, timedelta

from hub.repository.layout import Layout
from hub.repository.roles import DAY_S, KINDS, parse
from protocols.errors import LocalFault

# Past ten years a key should have been changed; a day is the least an offline node survives.
DAYS_MAX = 3660
# What the hub signs alone is renewed when less than this share of its validity is left.
RENEW_SHARE = 0.5


class Policy:
    """Hold the days of validity by kind of role."""

    def __init__(self, days: dict[str, int] | None = None):
        self.days = {name: kind.days for name, kind in KINDS.items()}
        for name, count in (days or {}).items():
            if name not in self.days or type(count) is not int or not 1 <= count <= DAYS_MAX:
                raise LocalFault(
                    "repository.policy",
                    f"{name!r} cannot hold for {count!r} days",
                    f"Use a kind of role and 1 to {DAYS_MAX} days.",
                )
            self.days[name] = count

    def expires(self, role: str, now_s: int) -> datetime:
        """Return when a signature of `role` made now ends."""
        return moment(now_s) + timedelta(days=self.days[parse(role)[0].name])

    def must_renew(self, role: str, expires: datetime, now_s: int) -> bool:
        """Tell whether an online signature should be made anew."""
        life_s = self.days[parse(role)[0].name] * DAY_S
        return expires.timestamp() - now_s < life_s * RENEW_SHARE

    def save(self, layout: Layout) -> None:
        """Write the policy beside the repository."""
        layout.disk.write(layout.policy, json.dumps({"days": self.days}, indent=1).encode())


def load(layout: Layout) -> Policy:
    """Read a repository's policy."""
    if not layout.policy.exists():
        return Policy()
    return Policy(json.loads(layout.policy.read_bytes())["days"])


def moment(now_s: int) -> datetime:
    """Return Unix seconds as the datetime python-tuf wants."""
    return datetime.fromtimestamp(now_s, UTC)


def next_version(newest: int, now_s: int) -> int:
    """Return the version after `newest`: the second of issue, or one more.

    A hub restored from an old backup therefore goes on above everything it ever issued.
    """
    return max(newest + 1, now_s)
