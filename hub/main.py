"""`chieng-hub`: found a hub, serve it, and do by hand what its pages do."""

import asyncio
import contextlib
import gc
import importlib
import json
import logging
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from hub import arguments, commands, companion, database_address, operations
from hub.addresses import address
from hub.announce import announced
from hub.config import Config
from hub.serve import Certificate, Where, serve
from hub.services import Services, open_hub
from protocols.errors import Fault


@contextlib.asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Services]:
    """Open a hub for one command."""
    services, database = open_hub(config)
    try:
        yield services
    finally:
        database.close()


def _database(chosen: Namespace) -> str | None:
    given = database_address.from_words(chosen.database, chosen.database_file)
    return given or database_address.read(chosen.data)


async def _run(chosen: Namespace) -> object:
    companion.refuse(chosen.data, chosen.command)
    config = Config(
        data=chosen.data,
        start_lead_s=chosen.start_lead_s,
        utc_offset_min=chosen.utc_offset_min,
        public_name=getattr(chosen, "public_name", None),
        database_url=_database(chosen),
    )
    if chosen.command == "init":
        return await asyncio.to_thread(commands.init, config, chosen)
    if chosen.command == "serve":
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        where = Where(
            chosen.listen,
            chosen.pages,
            chosen.operator,
            Certificate(chosen.tls_certificate, chosen.tls_key),
        )
        # What is loaded stays. A full collection that walked it all would hold up pages and event
        # streams for a tenth of a second, every few seconds while many nodes report.
        gc.freeze()
        async with announced(chosen.announce, address(chosen.listen)[1]):
            await serve(config, where, stop)
        return None
    if chosen.command in operations.OPERATIONS:
        return await operations.OPERATIONS[chosen.command](config, chosen)
    async with opened(config) as services:
        command = {**commands.COMMANDS, **operations.COMMANDS}[chosen.command]
        return await command(services, chosen)


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the hub's event loop: uvloop where it runs, else None for Python's own.

    Python's own holds 256 KB for every TLS connection, uvloop what is under way.
    """
    try:
        module = importlib.import_module("uvloop")
    except ImportError:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = module.new_event_loop
    return make


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; print its result as JSON, or one line that says what to do."""
    parser: ArgumentParser = arguments.build()
    chosen = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    chosen.data = Path(chosen.data).resolve()
    try:
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            result = runner.run(_run(chosen))
    except Fault as fault:
        print(f"chieng-hub: {fault.message} [{fault.code}]\n  {fault.remedy}", file=sys.stderr)
        return 1
    except OSError as error:
        complaint = f"{error.filename or 'system'}: {error.strerror}"
        print(f"chieng-hub: {complaint}\n  Check the path and its rights.", file=sys.stderr)
        return 1
    if result is not None:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
