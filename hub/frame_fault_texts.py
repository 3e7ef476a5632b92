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
    "slot.name": (
        N_("The slot has no name, or one that is too long."),
        N_("Write a short name, for example Morning news."),
    ),
    "slot.kind": (N_("No kind of slot is chosen."), N_("Choose one.")),
    "slot.minutes": (
        N_("The length of the slot is wrong."),
        N_("Choose 1 to 240 minutes."),
    ),
    "slot.none": (
        N_("The slot does not hold on these days."),
        N_("Choose another slot, or days on which it holds."),
    ),
}
