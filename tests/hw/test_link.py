"""The links of both platforms against real servers, plain and TLS."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from hw.linux.link import Link
from protocols.errors import WorldFault
from tests.hw.http_servers import aiohttp_server, certificates, nginx_server
from tests.portable import link_checks

TOP = Path(__file__).resolve().parents[2]
MICROPYTHONS = {"micropython": "768k", "micropython32": "320k"}


async def test_linux_against_aiohttp(tmp_path: Path) -> None:
    async with aiohttp_server(tmp_path) as base:
        await link_checks.check_all(Link(), base)


async def test_linux_against_nginx(tmp_path: Path) -> None:
    async with nginx_server(tmp_path) as (plain, secure):
        await link_checks.check_all(Link(), plain)
        await link_checks.check_all(Link(str(tmp_path / "ca.pem")), secure)


async def test_linux_refuses_an_unknown_authority(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificates(other)
    async with nginx_server(tmp_path) as (_, secure):
        for link in (Link(), Link(str(other / "ca.pem"))):
            with pytest.raises(WorldFault, match=r"link\.certificate"):
                await link.request("GET", secure + "/blob", {}, b"")


async def test_linux_takes_a_certificate_of_any_date(tmp_path: Path) -> None:
    async with nginx_server(tmp_path, until_days=-1) as (_, secure):
        response = await Link(str(tmp_path / "ca.pem")).request("GET", secure + "/blob", {}, b"")
        assert response.status == 200
        await response.close()


async def run_micropython(program: str, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(TOP / ".cache" / "micropython" / "bin" / program),
        "-X",
        f"heapsize={MICROPYTHONS[program]}",
        "-m",
        "tests.portable.link_checks",
        *arguments,
        cwd=TOP,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(120):
            output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize("program", MICROPYTHONS)
async def test_micropython_against_aiohttp(program: str, tmp_path: Path) -> None:
    async with aiohttp_server(tmp_path) as base:
        code, output = await run_micropython(program, base)
    assert (code, output) == (0, f"{len(link_checks.CHECKS)} checks passed\n"), output


@pytest.mark.parametrize("program", MICROPYTHONS)
async def test_micropython_against_nginx(program: str, tmp_path: Path) -> None:
    async with nginx_server(tmp_path) as (plain, secure):
        code, output = await run_micropython(program, plain)
        assert (code, output) == (0, f"{len(link_checks.CHECKS)} checks passed\n"), output
        code, output = await run_micropython(program, secure, str(tmp_path / "ca.der"))
        assert (code, output) == (0, f"{len(link_checks.CHECKS)} checks passed\n"), output


async def test_micropython_refuses_an_unknown_authority(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificates(other)
    async with nginx_server(tmp_path) as (_, secure):
        for arguments in ((), (str(other / "ca.der"),)):
            code, output = await run_micropython("micropython", secure, *arguments)
            assert code == 1 and "WorldFault: " in output, output
            assert "authority" in output or "trusted CA" in output, output


def test_the_kernels_counters_of_an_interface() -> None:
    received, sent = Link(interface="lo").counters()
    assert received > 0 and sent > 0
    assert Link(interface="none").counters() == (0, 0)
    life = Link(interface="lo").life()
    assert life == Link(interface="lo").life() and life.endswith(".1") and len(life) > 8
    assert Link(interface="none").life() == Link().life() == ""
