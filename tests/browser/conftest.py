"""One Chromium for all tests of a worker: they run on one event loop."""

import asyncio
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


def pytest_collection_modifyitems(items):
    """Run every test of this folder on the browser's loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser():
    """Start Debian's Chromium."""
    path = shutil.which("chromium")
    assert path, "Debian's package chromium is missing: run `make setup`"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        # What does not close is killed with the driver, which ends in a time of its own.
        async with asyncio.timeout(60):
            await browser.close()
