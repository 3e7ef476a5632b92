"""What pages say about faults of writing: topics, pictures, languages."""

from hub.translations import N_

_PICTURE = N_("Send the picture as PNG, JPEG or WebP.")

TEXTS = {
    "account.organisation": (
        N_("An organisation has authors only."),
        N_("Choose the role author, or a unit."),
    ),
    "organisation.unknown": (
        N_("There is no such organisation any more."),
        N_("Look at the list again."),
    ),
    "organisation.id": (
        N_("This short id cannot be used."),
        N_("Use a-z, 0-9 and dash, for example tram-y-te."),
    ),
    "organisation.no_unit": (N_("There is no such unit."), N_("Choose a unit from the list.")),
    "organisation.taken": (
        N_("The unit has an organisation of this name or id."),
        N_("Choose another name."),
    ),
    "organisation.unit": (
        N_("The organisation belongs to another unit."),
        N_("Choose one of this unit."),
    ),
    "list.broken": (
        N_("The list cannot be read."),
        N_("Save it as CSV in UTF-8, with every named column filled in every row."),
    ),
    "variant.language": (
        N_("A language stands twice in the bulletin."),
        N_("Choose each language once."),
    ),
    "variant.order": (
        N_("A language stands twice in the order."),
        N_("Choose each language once."),
    ),
    "variant.orders": (
        N_("The unit has too many different orders of languages."),
        N_("Let some hamlets share an order."),
    ),
    "picture.svg": (
        N_("This is an SVG drawing: it may hold scripts and look different everywhere."),
        N_("Save it as PNG in the program that made it, then send that."),
    ),
    "picture.type": (N_("This file is no picture that boards can show."), _PICTURE),
    "picture.large": (
        N_("The picture is too large."),
        N_("Send one of at most 24 MB and 40 megapixels."),
    ),
    "picture.moving": (
        N_("The picture moves; boards show still pictures."),
        N_("Send its frames as single pictures."),
    ),
    "picture.broken": (
        N_("The picture is damaged."),
        N_("Save it anew, or take a screenshot of it, then send that."),
    ),
    "picture.many": (N_("The bulletin has too many pictures."), N_("Take some out.")),
    "picture.gone": (N_("A picture is not here any more."), N_("Take it out and choose it again.")),
    "picture.alt": (
        N_("A picture lacks the words that say what it shows."),
        N_("Write them beside it: they are for people who cannot see it."),
    ),
    "picture.dwell": (
        N_("The seconds of a picture are wrong."),
        N_("Write 3 to 3600 seconds."),
    ),
    "picture.board": (N_("There is no board of this size."), N_("Load the page again.")),
    "picture.nowhere": (
        N_("There is nothing to hear, and no board to show it."),
        N_("Add a text or a recording, or register a board."),
    ),
    "form.topic": (
        N_("This topic is not in today's list."),
        N_("Choose one of the list, or leave it open."),
    ),
}
