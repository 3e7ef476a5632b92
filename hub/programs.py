"""Run another program to its end, bounded in time."""

import asyncio
import contextlib

from protocols.errors import WorldFault


async def run_bounded(command: list[str], stdin: bytes, timeout_s: float, code: str) -> bytes:
    """Run a program to its end within `timeout_s` and return what it printed on standard error.

    Raises WorldFault with `code` when the program is missing, is killed at the time limit, or
    exits with a failure; its last line of complaint is in the message.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise WorldFault(
            code, command[0] + " is not installed", "install the package " + command[0]
        ) from error
    try:
        async with asyncio.timeout(timeout_s):
            _, complaint = await process.communicate(stdin)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            message = "%s did not finish within %d s" % (command[0], timeout_s)
            raise WorldFault(code, message, "try again with a shorter input") from error
        raise
    if process.returncode != 0:
        lines = complaint.decode("utf-8", "replace").strip().splitlines() or ["no message"]
        raise WorldFault(
            code, command[0] + " failed: " + lines[-1][:300], "check the input, then try again"
        )
    return complaint
