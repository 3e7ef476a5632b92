"""What ends soon, and going on after an old backup."""

from hub.repository import expiries, recovery
from tools.context import Context, date


def expiry(context: Context) -> None:
    """List signatures that end soon, roles without one that counts, and changes that wait."""
    repository, say = context.repository(), context.console.say
    days = context.options.days
    soon = expiries.expiring(repository, context.now_s, days)
    for one in soon:
        key = "expires_online" if one.online else "expires"
        role = f"{one.role} {one.scope}" if one.role == "timestamp" else one.role
        say(key, date=date(one.expires_s), role=role, holder=one.holder)
    if not soon:
        say("expires_none", days=days)
    for role in expiries.orphans(repository):
        say("orphan", role=role)
    for waiting in repository.waiting():
        say("waits", role=waiting.role, version=waiting.version)


def recover(context: Context) -> None:
    """Take back what copies hold, and sign everything of the hub's own anew."""
    repository, say = context.repository(), context.console.say
    adopted = recovery.adopt(repository, context.options.copy, context.now_s)
    for role, version in adopted.roles:
        say("adopted", role=role, version=version)
    if not adopted.roles:
        say("adopted_none")
    for path in adopted.missing:
        say("missing_manifest", path=path)
    say("reissued", count=len(repository.layout.view_units()))
    for role in expiries.orphans(repository):
        say("orphan", role=role)
