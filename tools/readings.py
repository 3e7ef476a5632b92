"""What a check read, in a person's words: watts, not milliwatts; a date, not seconds."""

from collections.abc import Mapping

from protocols.limits import EPOCH_S_MAX
from tools.context import date

# By name: (Vietnamese, English), and how the number is shown.
_WORDS = {
    "coil_on": ("lệnh đóng → {coil}", "told on → {coil}"),
    "coil_off": ("lệnh ngắt → {coil}", "told off → {coil}"),
    "off_milliwatts": ("khi tắt {watts} W", "off {watts} W"),
    "idle_milliwatts": ("khi mở không tiếng {watts} W", "on and silent {watts} W"),
    "milliwatts_25": ("mức 25 %: {watts} W", "at 25 %: {watts} W"),
    "milliwatts_50": ("mức 50 %: {watts} W", "at 50 %: {watts} W"),
    "milliwatts_100": ("mức 100 %: {watts} W", "at 100 %: {watts} W"),
    "heard": ("người lắp nghe: {value}", "heard by ear: {value}"),
    "line": ("đường dây: {value}", "line: {value}"),
    "read_back": ("bảng đọc lại: {value}", "read back: {value}"),
    "sim_ready": ("SIM: {value}", "SIM: {value}"),
    "registered": ("vào mạng: {value}", "registered: {value}"),
    "signal_dbm": ("{value} dBm", "{value} dBm"),
    "wall_s": ("{date}", "{date}"),
}
# Said by the rest, and of no use to a person.
_QUIET = ("samples_25", "samples_50", "samples_100", "accepted")
_ORDER = tuple(_WORDS)
_FLAGS = ("heard", "line", "read_back", "sim_ready", "registered")
_COIL = {"vi": ("ngắt", "đóng"), "en": ("off", "on")}


def told(language: str, readings: Mapping[str, object]) -> str:
    """Return readings as one line; what is not known here keeps its name and number."""
    names = sorted(
        (name for name in readings if name not in _QUIET),
        key=lambda name: (_ORDER.index(name) if name in _WORDS else len(_ORDER), name),
    )
    return ", ".join(_one(language, name, readings[name]) for name in names)


def _one(language: str, name: str, value: object) -> str:
    number = value if isinstance(value, int) else 0
    if name.endswith("_e6"):
        return f"{number / 1e6:.6f}"
    if name not in _WORDS or (name == "wall_s" and not 0 <= number <= EPOCH_S_MAX):
        return f"{name} {value}"
    shown = str(value)
    if name in _FLAGS:
        shown = "✓" if number else "✗"
    watts = f"{number / 1000:.1f}"
    if language == "vi":
        watts = watts.replace(".", ",")
    coil = _COIL["vi" if language == "vi" else "en"][number == 1]
    day = date(number) if name == "wall_s" else ""
    text = _WORDS[name][0 if language == "vi" else 1]
    return text.format(value=shown, watts=watts, coil=coil, date=day)
