"""Disks whose power goes at any call, and the enumeration of all calls of an act.

Two kinds: `ext4` (the simulated store: whole files, torn patches, unflushed bytes lost in part) and
`fat` (the slot store over a FAT disk that reorders and tears what was not synced).
"""

import copy

from hw.sim.slot_files import SlotFiles
from hw.sim.storage import PowerCut
from hw.sim.storage import Storage as SimStorage
from hw.slot_storage import Storage as SlotStorage
from protocols.errors import WorldFault


class Ext4:
    """The simulated store; `luck` is the percentage of what is not flushed that survives."""

    def __init__(self, luck):
        self.disk = SimStorage()
        self.disk.survive_percent = luck

    def open(self):
        return self.disk


class Fat:
    """The slot store on a simulated FAT disk; for `luck` see there."""

    def __init__(self, luck):
        self.disk = SlotFiles()
        self.disk.luck = luck

    def open(self):
        return SlotStorage(self.disk)


RIGS = {"ext4-0": (Ext4, 0), "ext4-40": (Ext4, 40), "ext4-100": (Ext4, 100)}
RIGS.update({f"fat-{luck}": (Fat, luck) for luck in range(6)})


def every_cut(name, prepare, act, check, step=1):
    """Cut at every `step`-th storage call of `act`, restart, check; return the number of cuts.

    `prepare(storage)` makes what stands before, `act(storage, told)` notes in the dictionary `told`
    what it was told is done, `check(storage, told)` looks at the store after the restart.
    """
    make, luck = RIGS[name]
    prepared = make(luck)
    prepare(prepared.open())
    cuts, cut_at = 0, 0
    while True:
        cut_at += step
        rig = copy.deepcopy(prepared)
        storage = rig.open()
        rig.disk.cut_at = rig.disk.calls + cut_at
        told = {}
        try:
            act(storage, told)
        except (PowerCut, WorldFault) as error:
            assert is_cut(error), error
            cuts += 1
            rig.disk.reboot()
            check(rig.open(), told)
        else:
            rig.disk.cut_at = None
            check(rig.open(), told)
            return cuts


def is_cut(error):
    """Tell whether an exception comes from a power cut, at first or second hand."""
    while error is not None:
        if isinstance(error, PowerCut):
            return True
        error = error.__context__
    return False
