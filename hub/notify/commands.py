"""What `chieng-hub mail` does: the mail server through which notices leave."""

import asyncio
from argparse import Namespace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from hub.mirror import peers
from hub.notify import dispatches, letter, mail, subscriptions
from hub.passphrases import secret
from hub.services import Services
from hub.translations import Translations
from protocols.errors import LocalFault, WorldFault

WHO = "command line"


async def run(services: Services, chosen: Namespace) -> object:
    """Set, show or try the mail server."""
    if chosen.verb == "set":
        return await _set(services, chosen)
    server = await services.ledger.read(mail.read)
    if server is None:
        raise LocalFault("mail.unset", "no mail server is set", "Run chieng-hub mail set.")
    if chosen.verb == "show":
        return server._asdict()
    message: EmailMessage | None = None
    if chosen.to:
        subscriptions.check_mailbox(chosen.to)
        look = letter.Look(Translations("vi"), services.config.utc_offset_min, server.pages)
        row = dispatches.made("", letter.trial(), services.config.now_ms())
        message = letter.mail(row, chosen.to, server.sender, look)
    try:
        answer = await mail.deliver(server, subscriptions.folder(services), message, chosen.to)
    except dispatches.Undelivered as why:
        raise WorldFault(why.code, why.answer, "Correct it with chieng-hub mail set.") from why
    return {"server": f"{server.host}:{server.port}", "answer": dispatches.one_line(answer)}


async def _set(services: Services, chosen: Namespace) -> object:
    server = _server(chosen)
    password = ""
    if server.user:
        password = await asyncio.to_thread(secret, chosen.password_file, server.user)
    now_s = services.now_s()
    await services.ledger.write(lambda s: mail.keep(s, server, WHO, now_s))
    if server.user:
        peers.keep_secret(subscriptions.folder(services), mail.KEPT_AS, password)
    return server._asdict()


def _server(chosen: Namespace) -> mail.Server:
    return mail.Server(
        chosen.host or "",
        chosen.port or mail.PORTS[chosen.security],
        chosen.security,
        chosen.user or "",
        chosen.sender or "",
        chosen.pages or "",
        str(Path(chosen.ca).resolve()) if chosen.ca else "",
    )


def add_arguments(command: Any) -> None:
    """Add the words of `chieng-hub mail`."""
    command.add_argument("verb", choices=("set", "show", "test"))
    command.add_argument("--host", help="of the mail server")
    command.add_argument("--port", type=int, help="465, 587 or 25 by security if absent")
    command.add_argument("--security", choices=sorted(mail.PORTS), default="starttls")
    command.add_argument("--user", help="none if absent")
    command.add_argument("--password-file", metavar="FILE", help="asked for when not given")
    command.add_argument("--sender", metavar="ADDRESS", help="from whom letters come")
    command.add_argument("--pages", metavar="URL", help="the hub's address in letters")
    command.add_argument("--ca", metavar="FILE", help="PEM, where the server's certificate is own")
    command.add_argument("--to", metavar="ADDRESS", default="", help="test: send a letter there")
