"""One letter to a webhook: a signed POST to an address that leads outside, or is allowed inside.

`X-Chieng-Signature` is made as for what provinces push to us (`hub.mirror.webhook`), so a receiver
checks it with the same few lines; `X-Chieng-Delivery` is the letter's id, the same at every try.
"""

import asyncio

import aiohttp
from aiohttp.abc import AbstractResolver

from hub.mirror import webhook
from hub.notify.dispatches import Undelivered
from hub.relay import fetch
from protocols.errors import RemoteFault

TOTAL_S_MAX = 20
ANSWER_BYTES_MAX = 2048
# Gone (RFC 9110 section 15.5.11): the receiver says that it will not come back.
GONE = 410


async def deliver(
    url: str,
    private_ok: bool,
    secret: str,
    delivery: str,
    body: bytes,
    now_s: int,
    resolver: AbstractResolver | None = None,
) -> str:
    """Post a letter; return the answer's status and first words. Raises `Undelivered`."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "chieng-hub",
        webhook.HEADER: webhook.signature(secret, now_s, body),
        "X-Chieng-Delivery": delivery,
    }
    connector = aiohttp.TCPConnector(
        resolver=fetch.Outside(private_ok, resolver), use_dns_cache=False, limit=1
    )
    try:
        fetch.check_url(url, private_ok)
        async with (
            asyncio.timeout(TOTAL_S_MAX),
            aiohttp.ClientSession(connector=connector) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            words = (await answer.content.read(ANSWER_BYTES_MAX)).decode(errors="replace")
            said = f"HTTP {answer.status} {words}"
            if not 200 <= answer.status < 300:
                raise Undelivered("notify.http", said, answer.status == GONE)
            return said
    except RemoteFault as fault:
        raise Undelivered(fault.code, fault.message) from fault
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Undelivered("notify.link", str(error) or type(error).__name__) from error
