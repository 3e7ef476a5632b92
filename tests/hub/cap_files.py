"""CAP files for tests: the published examples and our own, made of a few words."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from lxml import etree

from hub.cap import arriving
from hub.cap.reader import NAMESPACE

FOLDER = Path(__file__).parent.parent / "data" / "cap"
EXAMPLES = ("homeland_security", "severe_thunderstorm", "earthquake_update", "amber")
SCHEMA = etree.XMLSchema(etree.parse(FOLDER / "CAP-v1.2.xsd"))
VIETNAM = timezone(timedelta(hours=7))
SENDER = "canhbao@kttv.example"


def example(name):
    return (FOLDER / f"{name}.xml").read_bytes()


def fits(data):
    """Tell whether a document is valid by the published schema."""
    return SCHEMA.validate(etree.fromstring(data))


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC).astimezone(VIETNAM).isoformat()


def info(now_s, language="vi-VN", hours=2, urgency="Immediate", severity="Severe",
         certainty="Observed", headline="Cảnh báo lũ quét", area=""):  # fmt: skip
    """Return one info block; `hours` None states no end."""
    end = "" if hours is None else f"<expires>{moment(now_s + hours * 3600)}</expires>"
    return (
        f"<info><language>{language}</language><category>Met</category><event>Lũ quét</event>"
        f"<urgency>{urgency}</urgency><severity>{severity}</severity>"
        f"<certainty>{certainty}</certainty>{end}<senderName>Đài khí tượng</senderName>"
        f"<headline>{headline}</headline><description>Nước suối lên nhanh.</description>"
        f"<instruction>Rời khỏi bờ suối.</instruction>{area}</info>"
    )


def geocode(system, code):
    pair = f"<valueName>{system}</valueName><value>{code}</value>"
    return f"<area><areaDesc>Nơi</areaDesc><geocode>{pair}</geocode></area>"


def polygon(text):
    return f"<area><areaDesc>Vùng</areaDesc><polygon>{text}</polygon></area>"


def build(now_s, *infos, identifier="KTTV-1", sender=SENDER, status="Actual", kind="Alert",
          scope="Public", extra="", references=""):  # fmt: skip
    """Return a message's bytes; `extra` stands after scope, `references` is a list of messages."""
    named = " ".join(references) if references else ""
    told = f"<references>{named}</references>" if named else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alert xmlns="{NAMESPACE}">'
        f"<identifier>{identifier}</identifier><sender>{sender}</sender>"
        f"<sent>{moment(now_s)}</sent><status>{status}</status><msgType>{kind}</msgType>"
        f"<scope>{scope}</scope>{extra}{told}{''.join(infos)}</alert>"
    ).encode()


def named(now_s, identifier="KTTV-1", sender=SENDER):
    """Return how another message names one."""
    return f"{sender},{identifier},{moment(now_s)}"


async def keep(services, unit):
    """Bring a message for a unit; return its name."""
    now_s = services.now_s()
    given = build(now_s, info(now_s, area=geocode("chieng-unit", unit)))
    row, _ = await arriving.arrive(services, given, "file", None, "test")
    return row["message"]
