"""The hub's mail server: its settings (a fact and a password file), and one letter to it (SMTP)."""

import asyncio
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import aiosmtplib

from hub import audit, facts
from hub.addresses import is_loopback
from hub.mirror import peers
from hub.notify.dispatches import Undelivered
from hub.notify.subscriptions import check_mailbox
from hub.store import Store
from protocols.errors import LocalFault

FACT = "mail"
KEPT_AS = "smtp"
# RFC 8314: TLS from the first byte at 465; STARTTLS at 587 (RFC 6409).
PORTS = {"tls": 465, "starttls": 587, "none": 25}
SEND_S_MAX = 60
CONNECT_S_MAX = 20


class Server(NamedTuple):
    """Hold where and as whom mail is sent; `pages` is the hub's address in letters."""

    host: str
    port: int
    security: str
    user: str
    sender: str
    pages: str
    ca: str


def read(store: Store) -> Server | None:
    """Return the settings, None where nobody made any."""
    found = facts.get(store, FACT)
    return None if found is None else Server(**found)


def keep(store: Store, server: Server, who: str, now_s: int) -> None:
    """Keep the settings; raises `LocalFault("mail.*")`, `RemoteFault("notify.address")`."""
    check_mailbox(server.sender)
    if server.security not in PORTS or not 0 < server.port < 65536 or not server.host:
        raise LocalFault("mail.server", "no such server", "Give --host, --port and --security.")
    if server.security == "none" and server.user and not is_loopback(server.host):
        raise LocalFault(
            "mail.clear", "the password would travel in clear", "Use --security starttls or tls."
        )
    facts.put(store, FACT, server._asdict())
    told = {"host": server.host, "port": server.port, "security": server.security}
    audit.append(store, now_s, who, "mail.set", "hub", **told)


def client(server: Server, secrets: Path) -> aiosmtplib.SMTP:
    """Return a connection that is not opened yet; a certificate must fit the host's name.

    Raises `Undelivered` where the password or the certificates cannot be read.
    """
    password = None
    try:
        if server.user:
            password = peers.read_secret(secrets, KEPT_AS)
        context = ssl.create_default_context(cafile=server.ca or None)
    except (LocalFault, OSError) as error:
        raise Undelivered("notify.unset", str(error)) from error
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=password,
        timeout=CONNECT_S_MAX,
        use_tls=server.security == "tls",
        # Asked for, it must be there: nobody in between can take it away.
        start_tls=server.security == "starttls",
        tls_context=context,
    )


async def deliver(server: Server, secrets: Path, message: EmailMessage | None, to: str = "") -> str:
    """Hand a letter to the mail server, or only sign in there; return its answer.

    Raises `Undelivered`; a refused recipient or letter (5xx, RFC 5321 section 4.2.1) is final.
    """
    connection = client(server, secrets)
    try:
        async with asyncio.timeout(SEND_S_MAX), connection:
            if message is None:
                return str((await connection.noop()).message)
            _, answer = await connection.send_message(
                message, sender=server.sender, recipients=[to]
            )
            return str(answer)
    except aiosmtplib.SMTPAuthenticationError as error:
        raise Undelivered("notify.login", f"{error.code} {error.message}") from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        one = error.recipients[0]
        raise _refused(one.code, one.message, True) from error
    except aiosmtplib.SMTPDataError as error:
        raise _refused(error.code, error.message, True) from error
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error.code, error.message, False) from error
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
        raise Undelivered("notify.link", str(error) or type(error).__name__) from error


def _refused(code: int, message: Any, is_about_letter: bool) -> Undelivered:
    return Undelivered("notify.refused", f"{code} {message}", is_about_letter and code >= 500)
