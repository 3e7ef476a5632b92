"""`chieng-tool province`: run a reference province to integrate and test against."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from protocols.errors import LocalFault, WorldFault
from tools.context import Context
from tools.province.desk import Desk
from tools.province.server import create_app
from tools.province.store import Store

HOST = "127.0.0.1"


def add_parser(commands: Any) -> None:
    """Add the command."""
    text = "tỉnh mẫu để thử kết nối / a reference province to test against"
    command = commands.add_parser("province", help=text)
    command.set_defaults(run=run)
    command.add_argument("--data", type=Path, required=True, help="thư mục / folder")
    command.add_argument("--port", type=int, default=8090)
    command.add_argument("--name", default="hub", help="tên đăng nhập / who may log in")
    command.add_argument("--password", default="thu-nghiem")
    command.add_argument("--faults", default="{}", metavar="JSON", help='{"slow": 0.1}')


def run(context: Context) -> None:
    """Serve until interrupted."""
    options = context.options
    options.data.mkdir(parents=True, exist_ok=True)
    store = Store(options.data / "province.sqlite3")
    desk = Desk(store, lambda: time.time_ns() // 1_000_000, options.name, options.password)
    try:
        wrong = desk.faults.turn_text(options.faults)
        if wrong:
            known = ", ".join(desk.faults.as_dict())
            said = f"--faults: {wrong}; switches: {known}"
            raise LocalFault("province.faults", said, "Name switches of these, 0 to 1 each.")
        asyncio.run(_serve(context, desk, options.port))
    finally:
        store.close()


async def _serve(context: Context, desk: Desk, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(create_app(desk), access_log=None, auto_decompress=False)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        site = web.TCPSite(runner, HOST, port, shutdown_timeout=1)
        try:
            await site.start()
        except OSError as error:
            raise WorldFault(
                "province.port", f"port {port} is taken: {error.strerror}", "Choose another port."
            ) from error
        address = runner.addresses[0]
        context.console.say("province_serves", address=f"http://{address[0]}:{address[1]}/")
        await stop.wait()
