"""What pages say about a fault: a sentence and what to do, by code, ready for translation."""

from hub import (
    editor_fault_texts,
    frame_fault_texts,
    node_fault_texts,
    notice_fault_texts,
    unit_fault_texts,
    visit_fault_texts,
)
from hub.translations import N_, Translations
from protocols.errors import Fault

_TEXTS = {
    **visit_fault_texts.TEXTS,
    **unit_fault_texts.TEXTS,
    **editor_fault_texts.TEXTS,
    **frame_fault_texts.TEXTS,
    **notice_fault_texts.TEXTS,
    "access.denied": (
        N_("Your roles do not cover this."),
        N_("Ask an administrator for the role, or go back to the overview."),
    ),
    "access.signed_out": (N_("You are not signed in any more."), N_("Sign in again.")),
    "account.code": (
        N_("This one-time code was used already or has expired."),
        N_("Ask an administrator for a new one."),
    ),
    "account.code_wrong": (
        N_("The code does not fit."),
        N_("Wait for the next code; check that the telephone's clock is right."),
    ),
    "account.factor": (
        N_("A code from a telephone is set up already."),
        N_("To change it, ask an administrator for a one-time code."),
    ),
    "account.grants": (
        N_("The account has no such role, or too many."),
        N_("Look at the list again; give a role on a unit above instead of many below."),
    ),
    "account.id": (
        N_("This account name cannot be used, or somebody has it already."),
        N_("Use a-z, 0-9, dot and dash, for example nguyen.van-a."),
    ),
    "account.last": (
        N_("This is the last administrator of the hub."),
        N_("Make somebody else an administrator first."),
    ),
    "account.role": (N_("No role is chosen."), N_("Choose a role.")),
    "account.unit": (N_("There is no such unit."), N_("Choose a unit from the list.")),
    "account.unknown": (N_("There is no such account."), N_("Look at the list again.")),
    "approval.approver": (
        N_("No approver is chosen."),
        N_("Choose who approves."),
    ),
    "approval.comment": (
        N_("A comment is missing."),
        N_("Say what is to be changed."),
    ),
    "approval.none": (N_("No bulletin is chosen."), N_("Choose what you sign.")),
    "blob.too_long": (
        N_("The recording is too large."),
        N_("Choose a recording of at most 64 MB, for example an MP3."),
    ),
    "board.glyph": (
        N_("The board text holds a sign that cannot be drawn."),
        N_("Replace emoji and unusual signs by words."),
    ),
    "board.text": (
        N_("The board text is too long."),
        N_("Shorten the text for boards."),
    ),
    "bulletin.blob": (
        N_("A recording of this bulletin is missing or damaged at the hub."),
        N_("Change the bulletin so that it is made again."),
    ),
    "bulletin.class": (N_("No class is chosen."), N_("Choose how urgent the bulletin is.")),
    "bulletin.empty": (
        N_("There is nothing to play yet."),
        N_("Write a text or choose a recording."),
    ),
    "bulletin.hamlet": (
        N_("A chosen hamlet is not of this unit."),
        N_("Choose the hamlets again."),
    ),
    "bulletin.long": (N_("The text is too long."), N_("Make two bulletins of it.")),
    "bulletin.making": (
        N_("Something unexpected happened while making the sound."),
        N_("Try again; if it happens again, tell your administrator."),
    ),
    "bulletin.not_signed": (
        N_("The signature was not accepted."),
        N_("Check that this person may approve for this unit, then approve once more."),
    ),
    "bulletin.state": (
        N_("This is not possible any more: the bulletin has moved on."),
        N_("Look at its state below and go on from there."),
    ),
    "bulletin.timing": (N_("Class and time do not fit."), N_("Choose the class again.")),
    "bulletin.title": (N_("The title is empty."), N_("Write a short title.")),
    "bulletin.unit": (N_("No unit is chosen."), N_("Choose the unit that speaks.")),
    "bulletin.unknown": (N_("There is no such bulletin."), N_("Go back to the overview.")),
    "cap.closed": (
        N_("Nothing can be made of this message any more."),
        N_("Look what its sender said later, or what was decided here."),
    ),
    "cap.element": (
        N_("The file is not as CAP 1.2 wants it."),
        N_("Ask the sender for a correct file and name the element below."),
    ),
    "cap.form": (
        N_("No bulletin can be made of this message."),
        N_("Use the emergency page, or write it in Vietnamese yourself."),
    ),
    "cap.late": (
        N_("The message ends before the next programme."),
        N_("Inform people another way, or choose an earlier time in a bulletin of your own."),
    ),
    "cap.none": (N_("No file is chosen."), N_("Choose a CAP file.")),
    "cap.over": (N_("The message has ended."), N_("Ask its sender for a new one.")),
    "cap.sender": (
        N_("This is no sender of CAP alerts, or it is not listed."),
        N_("Copy it exactly from the sender line of its alerts."),
    ),
    "cap.size": (
        N_("The file is too large or too deep."),
        N_("Ask the sender for a shorter file."),
    ),
    "cap.source": (N_("There is no such way."), N_("Choose one from the list.")),
    "cap.unknown": (N_("There is no such message."), N_("Look at the list again.")),
    "cap.xml": (
        N_("The file cannot be read as XML."),
        N_("Ask the sender for the file as it was issued, without a document type."),
    ),
    "bulletin.newer": (
        N_("Somebody else saved this bulletin while you wrote."),
        N_("Compare both below; saving again keeps yours, theirs stays among the versions."),
    ),
    "draft.foreign": (N_("This draft is not here."), N_("Look at your list of drafts.")),
    "draft.many": (N_("Too many drafts are open."), N_("Discard some of them first.")),
    "draft.sent": (N_("This draft was sent already."), N_("Open the bulletin and change it.")),
    "emergency.confirm": (
        N_("The name you typed is not the unit's."),
        N_("Type the name as it stands above the field."),
    ),
    "emergency.replaces": (
        N_("That alert is not on air any more, so it cannot be corrected."),
        N_("Send a new alert."),
    ),
    "fleet.hamlet_used": (
        N_("Nodes stand in this hamlet, or a bulletin is for it, so it stays."),
        N_("Give it another name instead."),
    ),
    "fleet.name": (
        N_("The title is empty or too long."),
        N_("Write a title on one line, at most about 100 letters."),
    ),
    "form.broken": (N_("The form did not arrive whole."), N_("Send it once more.")),
    "form.cut": (
        N_("The cut of the recording is wrong."),
        N_("Write seconds like 12,5; the end comes after the beginning."),
    ),
    "http.broken_body": (N_("The form did not arrive whole."), N_("Send it once more.")),
    "http.foreign_page": (
        N_("The request came from another page."),
        N_("Open the hub's page itself and try again."),
    ),
    "http.host": (
        N_("The hub's page is open on this machine only."),
        N_("Open it as http://127.0.0.1 or through an SSH tunnel."),
    ),
    "fleet.node_id": (
        N_("There is no such node in service."),
        N_("Look for it among the nodes; it may have been replaced."),
    ),
    "order.kind": (N_("There is no such order."), N_("Choose one of the list.")),
    "order.open": (
        N_("The node has this order open already."),
        N_("Wait for its answer, or withdraw the open one."),
    ),
    "order.stopped": (
        N_("It was stopped before this node's turn."),
        N_("Ask these nodes anew if it is still wanted."),
    ),
    "order.closed": (
        N_("The node has answered this order, or it was withdrawn."),
        N_("Look at the list again."),
    ),
    "order.volume": (N_("The volume is no percentage."), N_("Write a number from 0 to 100.")),
    "order.quiet": (
        N_("These are no quiet hours."),
        N_("Write them as 12:00-13:30, several with commas between."),
    ),
    "nodes.filter": (
        N_("Too many filters are kept."),
        N_("Remove one that is not needed any more."),
    ),
    "http.not_found": (N_("There is nothing under this address."), N_("Go back to the overview.")),
    "http.stalled": (N_("The upload stopped on the way."), N_("Send it again on a better link.")),
    "http.too_large": (N_("What was sent is too large."), N_("Send less, or a smaller recording.")),
    "hub.busy": (N_("The hub is very busy."), N_("Wait a minute and try again.")),
    "hub.disk": (
        N_("The hub's disk did not take the file."),
        N_("Tell your administrator: the disk may be full."),
    ),
    "hub.storage": (
        N_("The hub's database did not take it; nothing was changed."),
        N_("Try again; if it happens again, tell your administrator."),
    ),
    "storage.bucket": (
        N_("The store of recordings does not answer."),
        N_("Try again in a minute; new recordings are safe on the hub."),
    ),
    "storage.keys": (
        N_("The store of recordings does not let the hub in."),
        N_("Tell your administrator."),
    ),
    "keys.passphrase": (
        N_("This passphrase does not belong to this person."),
        N_("Take the sheet that was handed to this person and type it again."),
    ),
    "keys.passphrase_typo": (
        N_("The passphrase has a typing mistake."),
        N_("Compare it group by group with the printed sheet."),
    ),
    "login.wait": (
        N_("Too many wrong tries: this account waits."),
        N_("Wait up to 15 minutes; an administrator can give a one-time code at once."),
    ),
    "login.wrong": (
        N_("Account, password or code do not fit."),
        N_("Type all of them again; the code is the newest one on the telephone."),
    ),
    "media.silent": (N_("The recording holds only silence."), N_("Record again.")),
    "media.too_long": (N_("The recording is too long."), N_("Use at most two hours.")),
    "media.tool": (
        N_("The sound could not be made."),
        N_("Try again; if it happens again, tell your administrator."),
    ),
    "media.undecodable": (
        N_("The file is not a recording that can be read."),
        N_("Choose an audio file: MP3, M4A, WAV, OGG."),
    ),
    "mirror.body": (
        N_("What is to be sent cannot be read."),
        N_("Check quotation marks, commas and brackets, then send it again."),
    ),
    "mirror.letter": (
        N_("This report does not wait any more."),
        N_("Load the page again; somebody has sent it."),
    ),
    "offer.factor": (
        N_("This needs a code from your telephone, and none is set up."),
        N_("Set it up under your name at the top of the page."),
    ),
    "offer.gone": (
        N_("This was answered already, or its sender cancelled it."),
        N_("Look at the list below."),
    ),
    "offer.reason": (N_("A reason is missing."), N_("Say why, so that the sender knows.")),
    "offer.rule": (
        N_("This rule cannot stand: its sender is unknown, or there are too many."),
        N_("End rules that nobody needs."),
    ),
    "report.large": (N_("Too much was broadcast in these days."), N_("Choose a shorter period.")),
    "report.period": (
        N_("The days of the report are wrong."),
        N_("Choose a first and a last day, at most a year apart."),
    ),
    "speech.empty": (N_("The text holds no word to speak."), N_("Write the bulletin.")),
    "speech.engine": (
        N_("The speech engine did not answer."),
        N_("Try again; if it happens again, tell your administrator."),
    ),
    "speech.reading": (
        N_("The text has changed since its reading was corrected."),
        N_("Look at the reading again, or empty the correction."),
    ),
    "speech.text": (N_("The text cannot be spoken."), N_("Shorten it and remove unusual signs.")),
    "speech.voice": (
        N_("There is no voice for this language."),
        N_("Choose another voice or a recording."),
    ),
    "upload.busy": (N_("Another piece is on its way."), N_("Wait a moment.")),
    "upload.length": (N_("The file is empty."), N_("Choose another file.")),
    "upload.many": (
        N_("Too many recordings are on their way."),
        N_("Finish or remove one of them first."),
    ),
    "upload.offset": (N_("A piece of the recording is missing."), N_("It is sent again.")),
    "upload.type": (N_("This is no piece of a recording."), N_("Load the page again.")),
    "upload.unknown": (
        N_("The hub does not know this recording any more."),
        N_("Choose the file again."),
    ),
    "words.many": (N_("The dictionary is full."), N_("Remove words that nobody needs.")),
    "words.spoken": (
        N_("How the word is read is missing or too long."),
        N_("Write it out, at most 200 letters."),
    ),
    "words.written": (
        N_("The written word is missing or too long."),
        N_("Write at most 40 letters."),
    ),
    "timing.alert": (N_("The alert's times are wrong."), N_("Choose 1 to 24 hours.")),
    "timing.day": (N_("A day is missing."), N_("Choose a day.")),
    "timing.days": (
        N_("The last day is before the first, or too far away."),
        N_("Choose a last day within 400 days."),
    ),
    "password.again": (N_("The two new passwords differ."), N_("Type both again.")),
    "password.common": (
        N_("Others would try this password first."),
        N_("Use a few words that only you would put together."),
    ),
    "password.long": (N_("The password is too long."), N_("Use at most about 100 letters.")),
    "password.old": (N_("This is not the old password."), N_("Type it again.")),
    "password.short": (N_("The password is too short."), N_("Use at least 12 letters.")),
    "timing.past": (N_("The time is already past."), N_("Choose a later time.")),
    "timing.time": (N_("A time is missing or wrong."), N_("Write times like 05:30.")),
    "timing.times": (
        N_("No time is given, or too many."),
        N_("Write one to twelve times of day, such as 05:30 17:00."),
    ),
    "timing.weekdays": (N_("No weekday is chosen."), N_("Choose at least one weekday.")),
}

# Faults that nodes report or that records reveal.
_UNKNOWN = (
    N_("Something went wrong that has no explanation yet."),
    N_("Try again; if it happens again, tell your administrator the code."),
)
CODES = frozenset(_TEXTS)


def explain(fault: Fault, translations: Translations) -> dict[str, str]:
    """Return `code`, `text` and `remedy` of a fault in the reader's language."""
    text, remedy = _TEXTS.get(fault.code, _UNKNOWN)
    return _translated(fault.code, text, remedy, translations)


def explain_code(code: str, translations: Translations) -> dict[str, str]:
    """Return the same for a stored code."""
    text, remedy = _TEXTS.get(code, _UNKNOWN)
    return _translated(code, text, remedy, translations)


def explain_node(code: str, translations: Translations) -> dict[str, str]:
    """Return the same for a node's fault."""
    text, remedy = node_fault_texts.words(code)
    return _translated(code, text, remedy, translations)


def _translated(code: str, text: str, remedy: str, translations: Translations) -> dict[str, str]:
    return {"code": code, "text": translations.get(text), "remedy": translations.get(remedy)}
