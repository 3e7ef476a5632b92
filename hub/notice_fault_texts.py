"""What pages say when notices cannot be sent as somebody wants, or did not arrive."""

from hub.translations import N_

_LOOK = N_("Load the page again and look.")

TEXTS = {
    "notify.address": (
        N_("This is no e-mail address."),
        N_("Write it as ten@tinh.gov.vn, without marks above the letters."),
    ),
    "notify.clear": (
        N_("Outside our network a webhook's address begins with https://."),
        N_("Use an https:// address."),
    ),
    "notify.ended": (N_("The subscription ended before this was sent."), _LOOK),
    "notify.gone": (N_("It is not there any more, or is being sent already."), _LOOK),
    "notify.group": (N_("The minutes are wrong."), N_("Write 1 to 240 minutes.")),
    "notify.http": (
        N_("The receiver's server did not take it."),
        N_("Show its answer to whoever runs the receiver."),
    ),
    "notify.kinds": (N_("Nothing is chosen that is told."), N_("Choose at least one.")),
    "notify.language": (N_("No language is chosen."), N_("Choose one.")),
    "notify.link": (
        N_("The server does not answer, or broke off."),
        N_("It is tried again by itself; check address and network if it lasts."),
    ),
    "notify.login": (
        N_("The mail server does not accept the hub's name and password."),
        N_("The hub's operator corrects them with chieng-hub mail set."),
    ),
    "notify.many": (N_("There are too many of these."), N_("End one that nobody reads.")),
    "notify.own": (
        N_("A webhook belongs to a unit, not to a person."),
        N_("Choose that the address is the unit's."),
    ),
    "notify.quiet": (
        N_("The quiet hours are not complete."),
        N_("Write both times, such as 21:00 and 06:00, or leave both empty."),
    ),
    "notify.refused": (
        N_("The mail server refused the letter."),
        N_("Check the address; then show the server's answer to whoever runs it."),
    ),
    "notify.soon": (N_("A test was sent a moment ago."), N_("Wait 20 seconds, then try again.")),
    "notify.unset": (
        N_("The hub lacks what it needs for sending: a mail server, a password or a secret."),
        N_("The hub's operator sets it with chieng-hub mail set; add a webhook anew."),
    ),
    "notify.way": (N_("No way is chosen."), N_("Choose e-mail or webhook.")),
}
