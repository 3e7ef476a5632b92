"""Times, sizes, states and evidence in the reader's words."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hub import frame_words, order_words, timing, visit_words
from hub.evidence import is_enough
from hub.translations import N_, Translations

STATES = {
    "making": N_("Being made"),
    "ready": N_("Waiting for approval"),
    "returned": N_("Returned to its author"),
    "failed": N_("Could not be made"),
    "approved": N_("Approved, not yet published"),
    "published": N_("Published"),
    "withdrawn": N_("Withdrawn"),
    "recalling": N_("Being taken off the air"),
    "recalled": N_("Taken off the air"),
}
CLASSES = {
    "normal": N_("Normal"),
    "priority": N_("Priority"),
    "emergency": N_("Emergency"),
}
ROLES = {
    "observer": N_("Observer"),
    "author": N_("Author"),
    "approver": N_("Approver"),
    "registrar": N_("Registrar"),
    "technician": N_("Technician"),
    "administrator": N_("Administrator"),
}
KINDS = {"speaker": N_("Loudspeaker"), "board": N_("Board")}
LANGUAGES = {
    "vi-VN": N_("Vietnamese"),
    "bdq": N_("Bahnar"),
    "hre": N_("Hrê"),
    "hro": N_("Chăm H'roi"),
    "jra": N_("Jarai"),
}
STANDS = {
    "playing": N_("on air"),
    "idle": N_("idle"),
    "late": N_("late"),
    "offline": N_("offline"),
    "never": N_("never seen"),
    "fault": N_("with faults"),
    "budget": N_("SIM running out"),
    "clock": N_("clock not known"),
}
FIELDS = {
    "title": N_("Title"),
    "text": N_("What is to be said"),
    "board_text": N_("Other words for the boards"),
    "class": N_("How urgent"),
    "language": N_("Language"),
    "topic": N_("Topic"),
    "supplier": N_("Supplied by"),
    "voice": N_("Voice"),
    "upload_sha256": N_("Recording"),
    "pictures": N_("Pictures for boards"),
    "variants": N_("Recordings in other languages"),
    "hamlets": N_("For whom"),
    "timing": N_("When"),
    "making": N_("Speed, reading or cut"),
}
GAPS = {
    "open": N_("Silent until now"),
    "returning": N_("Back; its records are coming in"),
    "lost": N_("Will not come to be known"),
}
SUPPLIES = {
    "bulletin": N_("Bulletin"),
    "emergency": N_("Emergency bulletin"),
    "cancel": N_("Cancellation"),
    "command": N_("Device command"),
    "directive": N_("Directive"),
    "mourning": N_("Days of mourning"),
}
OFFERS = {
    "taken": N_("Taken"),
    "declined": N_("Declined"),
    "acknowledged": N_("Noted"),
    "cancelled": N_("Cancelled by the sender"),
}
_GRADES = (
    N_("Not proven: only a command was sent"),
    N_("Not proven: the amplifier took the command"),
    N_("Not proven: the relay closed, no power measured"),
    N_("Heard: power measured at the loudspeaker"),
    N_("Heard: sound measured"),
)
_SHOWN = (
    N_("Not proven: the board does not report back"),
    N_("Shown: the board confirmed the picture"),
)
_OUTCOMES = {
    "interrupted": N_("Interrupted"),
    "cut": N_("Cut off by a power cut or restart; it was on air until then at least"),
}
_NOT_PLAYED = N_("Not played")
PLAY_ENDS = {
    "whole": N_("played to its end"),
    "early": N_("interrupted or cut off"),
    "failed": _NOT_PLAYED,
}
NOT_PLAYED = {
    "late": N_("no room in time"),
    "quiet": N_("quiet hours"),
    "mourning": N_("mourning"),
    "recalled": N_("taken off the air"),
    "no_rendition": N_("nothing this node can play"),
    "crowded": N_("too much at once"),
    "failed": N_("nothing of it could be played"),
    "relay_missing": N_("no recording of the broadcaster yet"),
    "relay_old": N_("the broadcaster's recording is too old"),
    "relay_long": N_("the broadcaster's recording is longer than the slot"),
    "relay_off": N_("the broadcaster is switched off here"),
    "expired": N_("expired"),
    "too_old": N_("too old"),
    "cancelled": N_("cancelled"),
    "superseded": N_("corrected"),
    "withdrawn": N_("withdrawn"),
}
WEEKDAYS = frame_words.WEEKDAYS


REPORT_BY = {
    "unit": N_("By unit"),
    "day": N_("By day"),
    "class": N_("By class"),
    "topic": N_("By topic"),
    "language": N_("By language"),
    "hamlet": N_("By hamlet"),
    "node": N_("By node"),
}
REPORT_SUMS = {
    "plays": N_("Broadcasts"),
    "proven": N_("Proven"),
    "interrupted": N_("Interrupted"),
    "failed": N_("Not played"),
    "airtime_ms": N_("Minutes on air"),
}

UNIT_KINDS = {
    "province": N_("province"),
    "district": N_("district"),
    "commune": N_("commune"),
    "ward": N_("ward"),
    "town": N_("town"),
    "special-zone": N_("special zone"),
}
UNIT_CHANGES = {
    "added": N_("new"),
    "ended": N_("ends"),
    "closed": N_("an older row ends"),
    "moved": N_("moves under another unit"),
    "renamed": N_("new name"),
    "recoded": N_("new code or kind"),
    "renewed": N_("new dated row"),
    "returned": N_("stands again"),
    "changed": N_("people or point"),
}


class Words(frame_words.FrameWords):
    """Say things in one language at one moment."""

    def __init__(self, translations: Translations, now_ms: int, offset_min: int):
        super().__init__(translations)
        self._now_ms = now_ms
        self._offset = timedelta(minutes=offset_min)

    def local(self, wall_ms: int) -> datetime:
        """Return a wall time on the province's clock."""
        return datetime.fromtimestamp(wall_ms / 1000, UTC) + self._offset

    def clock_of(self, local: datetime) -> str:
        """Return a time of day as rules write it: with seconds where it has some."""
        return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"

    def clock(self, wall_ms: int | None) -> str:
        """Return `05:30`, with the day when it is not today."""
        if wall_ms is None:
            return "—"
        local, today = self.local(wall_ms), self.local(self._now_ms)
        if local.date() == today.date():
            return f"{local:%H:%M}"
        if local.date() == (today + timedelta(days=1)).date():
            return self._("%(clock)s tomorrow", clock=f"{local:%H:%M}")
        return f"{local:%H:%M %d/%m}"

    def moment(self, wall_ms: int | None) -> str:
        """Return day and time to the second."""
        return "—" if wall_ms is None else f"{self.local(wall_ms):%H:%M:%S %d/%m/%Y}"

    def ago(self, wall_ms: int | None) -> str:
        """Return how long ago something was."""
        if wall_ms is None:
            return self._("never")
        seconds = max(0, (self._now_ms - wall_ms) // 1000)
        if seconds < 90:
            return self._("just now")
        if seconds < 5400:
            return self._("%(n)d min ago", n=round(seconds / 60))
        if seconds < 48 * 3600:
            return self._("%(n)d h ago", n=round(seconds / 3600))
        return self._("%(n)d days ago", n=seconds // 86400)

    def duration(self, milliseconds: int) -> str:
        """Return `1:05`."""
        seconds = round(milliseconds / 1000)
        return f"{seconds // 60}:{seconds % 60:02}"

    def size(self, length: int) -> str:
        """Return a size in KB or MB with a decimal comma."""
        if length < 1_000_000:
            return f"{max(1, round(length / 1000))} KB"
        return f"{length / 1_000_000:.1f} MB".replace(".", ",")

    def watts(self, milliwatts: int) -> str:
        """Return a power in watts with a decimal comma below ten."""
        if milliwatts >= 10_000:
            return f"{round(milliwatts / 1000)} W"
        return f"{milliwatts / 1000:.1f} W".replace(".", ",")

    def volts(self, millivolts: int) -> str:
        """Return a voltage with a decimal comma."""
        return f"{millivolts / 1000:.1f} V".replace(".", ",")

    def not_played(self, reason: str) -> str:
        """Return why something that is due will not play."""
        return self._(NOT_PLAYED.get(reason, _NOT_PLAYED))

    def field(self, name: str) -> str:
        """Return what a field of a bulletin is called."""
        return self._(FIELDS[name])

    def number(self, value: float) -> str:
        """Return a number with a decimal comma."""
        return f"{value:g}".replace(".", ",")

    def weekday(self, day: str) -> str:
        """Return an ISO day's weekday."""
        return self._(WEEKDAYS[date.fromisoformat(day).weekday()])

    def report_by(self, name: str) -> str:
        """Return what a report is summed by."""
        return self._(REPORT_BY[name])

    def report_sum(self, name: str) -> str:
        """Return what a column of a report holds."""
        return self._(REPORT_SUMS[name])

    def report_label(self, by: str, label: str) -> str:
        """Return a line's label."""
        if not label:
            return self._("Not stated")
        if by == "day":
            return self.day(label)
        if by == "class":
            return self.legal_class(label)
        return self._(LANGUAGES.get(label, label)) if by == "language" else label

    def tongue(self, tag: str) -> str:
        """Return what a language is called."""
        return self._(LANGUAGES.get(tag, tag))

    def state(self, name: str) -> str:
        """Return a bulletin's state."""
        return self._(STATES[name])

    def stage(self, row: dict[str, Any]) -> str:
        """Return how far a published bulletin is: `planned`, `running` or `over`."""
        now_s, offset_min = self._now_ms // 1000, int(self._offset.total_seconds()) // 60
        if row["until_s"] is not None and row["until_s"] <= now_s:
            return "over"
        is_ahead = row["timing"]["mode"] in ("once", "daily") and (
            now_s < timing.first_start_s(row["timing"], offset_min)
        )
        return "planned" if is_ahead else "running"

    def legal_class(self, name: str) -> str:
        """Return a legal class."""
        return self._(CLASSES.get(name, name))

    def role(self, name: str) -> str:
        """Return what an account is called in a role."""
        return self._(ROLES[name])

    def unit_kind(self, name: str) -> str:
        """Return a kind of unit; one that we do not know as it stands."""
        return self._(UNIT_KINDS[name]) if name in UNIT_KINDS else name

    def unit_change(self, name: str) -> str:
        """Return what a file does to a unit or a hamlet."""
        return self._(UNIT_CHANGES[name])

    def gap(self, state: str) -> str:
        """Return what is known of a stretch of silence."""
        return self._(GAPS[state])

    def supply_kind(self, name: str) -> str:
        """Return what a province sent."""
        return self._(SUPPLIES[name])

    def offer(self, state: str) -> str:
        """Return what a unit answered."""
        return self._(OFFERS[state])

    def stands(self, name: str) -> str:
        """Return a node's state or mark."""
        return self._(STANDS[name])

    def kind(self, name: str) -> str:
        """Return a kind of node."""
        return self._(KINDS.get(name, name))

    def order(self, row: dict[str, Any]) -> str:
        """Return what a node was asked."""
        return self._(order_words.kind(row))

    def order_state(self, row: dict[str, Any]) -> str:
        """Return how far it is."""
        return self._(order_words.state(row))

    def order_chip(self, row: dict[str, Any]) -> str:
        """Return the colour of that."""
        return order_words.chip(row)

    def visit(self, kind: str, name: str) -> str:
        """Return what something about installations is called (see `hub.visit_words`)."""
        return self._(visit_words.text(kind, name))

    def visit_chip(self, name: str) -> str:
        """Return the colour of that."""
        return visit_words.CHIPS.get(name, "")

    def iso(self, wall_ms: int) -> str:
        """Return the local day of a moment (ISO)."""
        return self.local(wall_ms).date().isoformat()

    def evidence(self, play: dict[str, Any]) -> dict[str, object]:
        """Return what proves a play: `heard` (or seen, on a board) and a sentence."""
        grade = min(max(play["grade"], 0), 4)
        if play["outcome"] == "failed":
            return {"heard": False, "text": self._(_NOT_PLAYED)}
        if play["kind"] == "board":
            confirmed = is_enough(grade, play["kind"])
            return {"heard": confirmed, "text": self._(_SHOWN[confirmed])}
        return {"heard": is_enough(grade, play["kind"]), "text": self._(_GRADES[grade])}

    def play_end(self, name: str) -> str:
        """Return how plays ended."""
        return self._(PLAY_ENDS[name])

    def outcome(self, play: dict[str, Any]) -> str:
        """Return what else is to say about a play, often nothing."""
        if play["resumed"]:
            return self._("Resumed where it was interrupted")
        said = _OUTCOMES.get(play["outcome"], "")
        return self._(said) if said else ""

    def timing(self, when: dict[str, Any]) -> str:
        """Return when a bulletin plays."""
        mode = when["mode"]
        if mode == "now":
            return self._("As soon as it is approved")
        if mode == "once":
            return self._("%(clock)s on %(day)s", clock=when["time"], day=self.day(when["date"]))
        if mode == "alert":
            text = self._("At once, for %(n)d hours", n=when["hours"])
            if when["gap_min"]:
                text += self._(", again every %(n)d min", n=when["gap_min"])
            return text + (self._(" (drill)") if when["drill"] else "")
        days = when["weekdays"]
        which = self._("every day") if len(days) == 7 else self.weekdays(days)
        text = self._(
            "%(times)s, %(which)s, %(first)s to %(last)s",
            times=" · ".join(when["times"]),
            which=which,
            first=self.day(when["from"]),
            last=self.day(when["until"]),
        )
        if when.get("lunar"):
            text += ", " + self._("lunar: %(days)s", days=self.lunar_days(when["lunar"]))
        if when.get("except"):
            text += ", " + self._("not on %(days)s", days=self.days(when["except"]))
        return f"{when['slot']['name']}: {text}" if when.get("slot") else text
