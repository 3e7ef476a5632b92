"""What goes into the play-out session and what comes out of it: events, commands, facts.

Times named `_ms` without further word are wall time (Unix ms); positions are milliseconds into an
item; `play` is the number of one `Play` command and comes back in everything that answers it.
"""

from collections import namedtuple


class ClockSet(namedtuple("ClockSet", ("wall_ms", "trust", "floor_ms"))):
    """Say what time it is now; `trust` is `unknown`, `rtc`, `network` or `hub`.

    With `unknown` the wall time is ignored. `floor_ms` is a time that has surely passed (0: none).
    Tell it at boot, whenever the clock is set, and every few minutes against drift.
    """

    trigger = "clock"


class ProgrammeSet(namedtuple("ProgrammeSet", ("bundles",))):
    """Hand over the verified bundles of the own unit and its ancestors, nearest first."""

    trigger = "programme"


class PolicySet(namedtuple("PolicySet", ("waiting",))):
    """Hand over the verified bundle that waits for its media where its unit has none yet, or None:
    alerts come under its policy at once."""

    trigger = "policy"


class AlertsSet(namedtuple("AlertsSet", ("manifests", "live"))):
    """Hand over all verified alert manifests of the own unit and its ancestors, nearest first.

    `live` says that they were just received from a carrier, not read from the own store.
    """

    trigger = "alerts"


class SettingsSet(namedtuple("SettingsSet", ("settings",))):
    """Hand over the node's verified settings, or None."""

    trigger = "settings"


class RelaysSet(namedtuple("RelaysSet", ("relays",))):
    """Hand over what is recorded of the sources that the own bundle names: a dict by source."""

    trigger = "relays"


class BlobArrived(namedtuple("BlobArrived", ("sha256",))):
    """Say that a blob is now stored and verified."""

    trigger = "blob"


class Hold(namedtuple("Hold", ("on",))):
    """Say that the emergency microphone is open (`on` True): all but alerts make room, or go on."""

    trigger = "hold"


class Halt(namedtuple("Halt", ("reason",))):
    """End the session: what plays is stopped, recorded and remembered, nothing more starts."""

    trigger = "halt"


class Started(namedtuple("Started", ("play",))):
    """Say that the first sample is out now."""

    trigger = "started"


class Finished(namedtuple("Finished", ("play", "position_ms"))):
    """Say that an item was heard to its end."""

    trigger = "finished"


class Stopped(namedtuple("Stopped", ("play", "position_ms"))):
    """Answer a `Stop`: the position after the last sample heard."""

    trigger = "stopped"


class Failed(namedtuple("Failed", ("play", "position_ms", "media", "code"))):
    """Say that an item cannot go on; `media` is True when its file is missing or broken, False when
    the device failed; `code` is the fault's."""

    trigger = "failed"


class Play(
    namedtuple(
        "Play",
        (
            "play",
            "sha256",
            "media_type",
            "duration_ms",
            "position_ms",
            "at_ms",
            "volume_percent",
            "legal_class",
            "drill",
            "item",
            "title",
        ),
    )
):
    """Play a blob from a position; at wall time `at_ms`, or at once when None."""

    kind = "play"


class Stop(namedtuple("Stop", ("play", "fade_ms"))):
    """Fade out; may be repeated when no answer comes."""

    kind = "stop"


class SetVolume(namedtuple("SetVolume", ("play", "volume_percent"))):
    """Change the volume of what plays."""

    kind = "volume"


class Played(
    namedtuple(
        "Played",
        (
            "play",
            "item",
            "title",
            "legal_class",
            "drill",
            "unit",
            "version",
            "sha256",
            "occurrence",
            "scheduled_ms",
            "started_ms",
            "ended_ms",
            "from_ms",
            "until_ms",
            "outcome",
            "reason",
            "resumed",
            "volume_percent",
        ),
    )
):
    """Record one `Play`: `outcome` is `complete`, `interrupted`, `failed` or `cut`; `reason` why.

    Reasons of an interruption: `emergency`, `priority`, `quiet`, `mourning`, `recalled`, `clock`
    (it was set just before the start), `cancelled`, `superseded`, `withdrawn`, or what `Halt` gave;
    of a failure the fault's code or `overrun`; `fallback` where the fallback was heard. A `cut` one
    (`reset`: power was lost, or the agent died) is told after the next start; its `ended_ms` and
    `until_ms` are what was surely reached.
    `version` is the manifest's; `occurrence` is `rule/date/time`, or `alert/<n>` for the n-th play
    of the alert named by `item`; times are None where the clock was unknown or no sound came.
    """

    kind = "played"


class Cut(
    namedtuple("Cut", ("key", "start_ms", "part", "item", "position_ms", "is_alert")),
):
    """Tell a new session what was on air when the last one died, recorded already: the occurrence's
    or alert's key and start, the part and its item, and how far that surely came."""


class Skipped(
    namedtuple(
        "Skipped",
        (
            "item",
            "title",
            "legal_class",
            "drill",
            "unit",
            "version",
            "occurrence",
            "scheduled_ms",
            "reason",
        ),
    )
):
    """Record what was due and did not play, with the reason.

    `late` (no room or no power in time), `quiet`, `mourning`, `recalled`, `failed` (nothing of it
    could be played), `no_rendition`, `crowded`; of a slot that recordings fill `relay_missing`,
    `relay_old`, `relay_long`, `relay_off` (`protocols.relays`); for alerts `expired`, `too_old`,
    `cancelled`, `superseded`, `withdrawn`, `no_rendition`, `drill_intro`.
    """

    kind = "skipped"


class Remember(namedtuple("Remember", ("value",))):
    """Store a value that `Playout(..., memory=value)` takes after a restart; replaces the last."""

    kind = "remember"
