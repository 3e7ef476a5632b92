"""Refresh once as a node does and find one target; print the heap that its code holds.

Arguments: metadata URL, targets URL, metadata folder, unit. Run by `bench_trust` in heaps of
falling size.
"""

import gc
import sys

from hw import loading, platform

from edge.metadata_fetch import MetadataFetch  # isort: skip
import asyncio  # isort: skip

loading.done()


async def _main(metadata_url: str, targets_url: str, folder: str, unit: str) -> None:
    fetch = MetadataFetch(
        platform.Link(),
        platform.Storage(folder),
        platform.Verifier(),
        metadata_url,
        targets_url,
        folder="",
        unit=unit,
    )
    await fetch.refresh(platform.Clock().wall_ms() // 1000)
    target = await fetch.find_target("units/" + unit + "/bundle.json")
    print("found", target.length)


gc.collect()
print("code", gc.mem_alloc())
asyncio.run(_main(*sys.argv[1:]))
