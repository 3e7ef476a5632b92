"""What pages say when a change of a programme's frame cannot be."""

from hub.translations import N_

TEXTS = {
    "frame.gone": (
        N_("This has changed or ended meanwhile."),
        N_("Load the page again and look."),
    ),
    "frame.many": (
        N_("The frame of this unit is full."),
        N_("End what is over first."),
    ),
    "move.far": (
        N_("This is too far ahead."),
        N_("Choose a day within 400 days."),
    ),
    "move.gone": (
        N_("The bulletin does not play at this time any more."),
        N_("Load the calendar again and look."),
    ),
    "move.state": (
        N_("Only published bulletins are moved in the calendar."),
        N_("Change the bulletin's own times instead."),
    ),
    "preview.long": (
        N_("So much plays in this time that it cannot be computed at once."),
        N_("Look at fewer days."),
    ),
    "relay.feed": (
        N_("The address gives no podcast feed with sound."),
        N_("Give the address of a podcast feed (RSS)."),
    ),
    "relay.hls": (
        N_("The stream's playlist (HLS) leads to nothing that can be recorded."),
        N_("Ask the broadcaster for an open stream of sound, without encryption."),
    ),
    "relay.id": (N_("This is no short id."), N_("Use a-z, 0-9, dash: vov1.")),
    "relay.kind": (N_("No kind of source is chosen."), N_("Choose one.")),
    "relay.link": (
        N_("The broadcaster does not answer, or broke off."),
        N_("It is tried again by itself; look at the address if it lasts."),
    ),
    "relay.long": (
        N_("The broadcast is longer than this source may be."),
        N_("Allow more minutes, or choose a shorter programme."),
    ),
    "relay.many": (
        N_("There are too many sources."),
        N_("Change one that is not used any more."),
    ),
    "relay.minutes": (
        N_("The length is wrong."),
        N_("Choose 1 to 120 minutes."),
    ),
    "relay.often": (
        N_("The feed brings more new broadcasts in a day than are taken."),
        N_("Ask the broadcaster what its feed lists; the next ones are taken tomorrow."),
    ),
    "relay.private": (
        N_("The address leads into a private network."),
        N_("Correct it, or allow it where it is our own."),
    ),
    "relay.redirects": (
        N_("The address sends the hub from one place to the next."),
        N_("Give the last address."),
    ),
    "relay.size": (
        N_("The broadcast is too large."),
        N_("Choose a programme of at most 192 MB."),
    ),
    "relay.unknown": (
        N_("There is no such source."),
        N_("Look at the list."),
    ),
    "relay.url": (
        N_("This is no address."),
        N_("Write http:// or https:// and the rest."),
    ),
    "mourning.days": (
        N_("These are too many days of mourning."),
        N_("Choose at most 30 days."),
    ),
    "mourning.many": (
        N_("Too many days of mourning are laid down."),
        N_("End some of them first."),
    ),
    "mourning.name": (
        N_("The mourning has no name, or one that is too long."),
        N_("Write for whom it is."),
    ),
    "mourning.over": (
        N_("These days of mourning are over."),
        N_("Decline the request, and say so."),
    ),
    "slot.automatic": (
        N_("Recordings that go on air by themselves need a source."),
        N_("Choose whose recordings play."),
    ),
    "slot.share": (
        N_("The plays a day of each bulletin are wrong."),
        N_("Choose 1 to as many as the campaign has times."),
    ),
    "slot.name": (
        N_("The slot has no name, or one that is too long."),
        N_("Write a short name, for example Morning news."),
    ),
    "slot.kind": (N_("No kind of slot is chosen."), N_("Choose one.")),
    "slot.minutes": (
        N_("The length of the slot is wrong."),
        N_("Choose 1 to 240 minutes."),
    ),
    "timing.except": (
        N_("A day that is left out is written wrongly, or there are too many."),
        N_("Write days as 24/12/2026, at most 60 of them."),
    ),
    "timing.lunar": (
        N_("A lunar day is written wrongly."),
        N_("Write 15 for every 15th, or 10/3 for the 10th of month 3."),
    ),
    "timing.no_day": (
        N_("No such day lies between the first and the last day."),
        N_("Choose a later last day, or other days."),
    ),
    "timing.tet": (
        N_("The days around Tết are no number."),
        N_("Write 0 to 30."),
    ),
    "slot.none": (
        N_("The slot does not hold on these days."),
        N_("Choose another slot, or days on which it holds."),
    ),
}
