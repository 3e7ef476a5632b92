"""What pages call what became of a message, the way it came and how far its sender counts."""

from hub.translations import N_

TEXTS = {
    "state.waiting": N_("Waits for a decision"),
    "state.used": N_("An alert was made of it"),
    "state.done": N_("Done"),
    "state.dismissed": N_("Put aside"),
    "state.ignored": N_("Not to be broadcast"),
    "state.refused": N_("Refused"),
    "state.expired": N_("Ended before it came"),
    "state.elsewhere": N_("For other places"),
    "state.cancelled": N_("Cancelled by its sender"),
    "state.replaced": N_("Replaced by its sender"),
    "state.over": N_("Ended, nobody decided"),
    "why.status": N_("It is a draft, or a word between machines."),
    "why.kind": N_("It only acknowledges, or reports an error."),
    "why.scope": N_("It is addressed to some people only."),
    "why.future": N_("It says that it was sent in the future: some clock is wrong."),
    "way.file": N_("brought on the command line"),
    "way.page": N_("brought on this page"),
    "way.feed": N_("fetched from a feed"),
    "way.push": N_("sent to the hub"),
    "trust.0": N_("Not trusted: the sender is not listed for this way"),
    "trust.1": N_("Listed sender, but a person brought the file"),
    "trust.2": N_("Listed sender, on its own way"),
    "kind.Alert": N_("Alert"),
    "kind.Update": N_("Update"),
    "kind.Cancel": N_("Cancellation"),
    "kind.Ack": N_("Acknowledgement"),
    "kind.Error": N_("Error report"),
    "grade.Immediate": N_("at once"),
    "grade.Expected": N_("soon"),
    "grade.Future": N_("later"),
    "grade.Past": N_("over"),
    "grade.Extreme": N_("extreme"),
    "grade.Severe": N_("severe"),
    "grade.Moderate": N_("moderate"),
    "grade.Minor": N_("minor"),
    "grade.Observed": N_("observed"),
    "grade.Likely": N_("likely"),
    "grade.Possible": N_("possible"),
    "grade.Unlikely": N_("unlikely"),
    "grade.Unknown": N_("not known"),
    "source.feed": N_("Feed"),
    "source.push": N_("Token holder"),
}
CHIPS = {
    "waiting": "warn",
    "used": "good",
    "done": "good",
    "refused": "bad",
    "over": "bad",
    "cancelled": "bad",
}


def state(row: dict[str, object]) -> str:
    """Return the state that is shown: one that waited too long has ended."""
    return "over" if row["state"] == "waiting" and row["over"] else str(row["state"])
