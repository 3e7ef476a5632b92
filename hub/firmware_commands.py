"""`chieng-hub firmware`: publish an image, roll it out in steps, watch it, stop it."""

import asyncio
from argparse import Namespace
from pathlib import Path

from hub import order_publishing, rollouts
from hub.passphrases import secret
from hub.repository import request, wrapped_key
from hub.repository.durable import Disk
from hub.services import Services
from protocols import image, tar
from protocols.errors import LocalFault, RemoteFault
from protocols.hub_limits import KEY_FILE_BYTES_MAX
from protocols.limits import IMAGE_BYTES_MAX
from protocols.units import image_path

WHO = "command line"


async def firmware(services: Services, chosen: Namespace) -> object:
    """Do one of the verbs."""
    if chosen.verb == "status":
        shown = await services.ledger.read(lambda s: rollouts.status(s, chosen.board))
        return {"rollouts": shown}
    if chosen.verb == "accept":
        return await _accept(services, chosen)
    if not (chosen.board and chosen.version):
        raise LocalFault("firmware.words", "board or version is missing", "Give both.")
    if chosen.verb == "publish":
        return await _publish(services, chosen)
    now_s, board, version = services.now_s(), chosen.board, chosen.version
    if chosen.verb == "stop":
        nodes = await services.ledger.write(
            lambda s: rollouts.stop(s, board, version, "by hand", WHO, now_s)
        )
    else:
        await keep(services)
        wanted = rollouts.Wanted(chosen.percent, chosen.node_group, chosen.stop_failures)
        nodes = await services.ledger.write(
            lambda s: rollouts.roll_out(s, board, version, wanted, WHO, now_s)
        )
    await order_publishing.publish_all(services, nodes)
    return {"board": board, "version": version, "nodes": sorted(nodes)}


async def keep(services: Services) -> None:
    """Stop roll-outs that fail, and tell their nodes."""
    now_s = services.now_s()
    nodes = await services.ledger.write(lambda s: rollouts.stop_failing(s, now_s))
    await order_publishing.publish_all(services, nodes)


async def run(services: Services) -> None:
    """Watch over roll-outs until cancelled."""
    while True:
        await asyncio.sleep(30)
        await keep(services)


def _describe(chosen: Namespace) -> image.Image:
    """Return what the manifest says of a file; raises `RemoteFault` for one that is no image."""
    data = _read(Path(chosen.image), IMAGE_BYTES_MAX)
    reader = tar.PackReader()
    names = [event[1] for event in reader.receive(data) if event[0] == tar.MEMBER]
    if not reader.is_complete or ("edge/main.py" not in names and "edge/main.mpy" not in names):
        raise RemoteFault("firmware.image", f"{chosen.image} is no image", "Make it anew.")
    digest = request.target("image", data).hashes["sha256"]
    return image.Image(chosen.board, chosen.version, digest, len(data), len(names))


async def _publish(services: Services, chosen: Namespace) -> object:
    if not chosen.image or not (chosen.key or chosen.export):
        raise LocalFault("firmware.words", "image or key is missing", "Give --image, --key.")
    found, now_s = await asyncio.to_thread(_describe, chosen), services.now_s()
    await services.ledger.read(lambda s: rollouts.check_new(s, found))
    await asyncio.to_thread(services.blobs.put_file, Path(chosen.image))
    files = {image_path(found.board): image.build(found)}
    change = await asyncio.to_thread(services.repository.propose, "firmware", files, now_s)
    if chosen.export:
        Disk().write(Path(chosen.export), change.to_bytes())
        return {"board": found.board, "version": found.version, "export": chosen.export}
    document = wrapped_key.decode(_read(Path(chosen.key), KEY_FILE_BYTES_MAX))
    holder = str(document.get("public", {}).get("holder", Path(chosen.key).stem))
    passphrase = secret(chosen.passphrase_file, holder)
    change.sign([await asyncio.to_thread(wrapped_key.unwrap_signer, document, passphrase)])
    return await _finish(services, change)


async def _accept(services: Services, chosen: Namespace) -> object:
    if not chosen.file:
        raise LocalFault("firmware.words", "no file is named", "Give --file.")
    data = await asyncio.to_thread(_read, Path(chosen.file), request.REQUEST_BYTES_MAX)
    return await _finish(services, request.read(data))


async def _finish(services: Services, change: request.Request) -> object:
    if change.role != "firmware" or len(change.files) != 1:
        raise RemoteFault("request.path", "this is no image", "Export it again.")
    found = image.read(next(iter(change.files.values())))
    now_s = services.now_s()
    await services.ledger.read(lambda s: rollouts.check_new(s, found))
    outcome = await asyncio.to_thread(services.repository.publish, [change], now_s)
    if outcome.published:
        await services.ledger.write(lambda s: rollouts.published(s, found, WHO, now_s))
    shown = {"board": found.board, "version": found.version, "sha256": found.sha256}
    return {**shown, "published": outcome.published, "signatures_missing": outcome.missing}


def _read(path: Path, bytes_max: int) -> bytes:
    if path.stat().st_size > bytes_max:
        raise RemoteFault("firmware.file", f"{path} is too long", "Name the right file.")
    return path.read_bytes()
