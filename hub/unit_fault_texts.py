"""What pages say when a file of units cannot be taken."""

from hub.translations import N_

TEXTS = {
    "approver.few": (
        N_("Too few would be left to sign."),
        N_("Let somebody else come first, or lower how many sign an emergency."),
    ),
    "approver.gone": (
        N_("Nobody is chosen, or the person does not sign here any more."),
        N_("Choose who leaves."),
    ),
    "repository.signatures": (
        N_("Further registrars must sign this."),
        N_("Let them sign with chieng-tool, as the ceremony laid it down."),
    ),
    "approver.taken": (N_("This id is taken, perhaps in another unit."), N_("Choose another id.")),
    "approver.threshold": (N_("The number of signatures is wrong."), N_("Choose one or two.")),
    "approver.unit": (
        N_("The unit has no signed place in the registry yet."),
        N_("The hub's operator adds it with chieng-hub unit add."),
    ),
    "units.changed": (
        N_("Meanwhile somebody changed the units."),
        N_("Look at the plan again, then put it in force."),
    ),
    "units.code": (
        N_("A code and its list go together."),
        N_("Fill both code and code_system, or none."),
    ),
    "units.column": (
        N_("A needed column is missing."),
        N_("Write the column's name in the first line."),
    ),
    "units.day": (
        N_("This is no day, or it is not after the first."),
        N_("Write days as 2026-07-01."),
    ),
    "units.days": (
        N_("The file changes the tree on too many days."),
        N_("Bring it in pieces, oldest first."),
    ),
    "units.field": (
        N_("A field is empty or holds what cannot stand there."),
        N_("Correct the field."),
    ),
    "units.file": (
        N_("No file came."),
        N_("Choose the file again."),
    ),
    "units.form": (
        N_("The file is neither CSV nor JSON in UTF-8."),
        N_("Save it as CSV (UTF-8)."),
    ),
    "units.hamlet": (
        N_("This is no short id of a hamlet."),
        N_("Use a-z, 0-9, dash: lang-kon."),
    ),
    "units.history": (
        N_("A past row would be rewritten."),
        N_("Leave past rows as they are; write what changes as a new row with a later valid_from."),
    ),
    "units.id": (
        N_("This is no id of a unit."),
        N_("Write ids like 03.k7f2."),
    ),
    "units.long": (
        N_("The file is too large."),
        N_("Bring it in pieces of at most 1 MB."),
    ),
    "units.name": (
        N_("A name is missing or too long."),
        N_("Write 1 to 200 bytes on one line."),
    ),
    "units.overlap": (
        N_("Two rows of one unit hold on the same day."),
        N_("End the earlier row on the day on which the later begins."),
    ),
    "units.parent": (
        N_("The unit above is not there on that day."),
        N_("Add the unit above, or end what stands under it on the same day."),
    ),
    "units.people": (
        N_("This is no number of people."),
        N_("Write only digits, or nothing."),
    ),
    "units.point": (
        N_("This is no point on the map."),
        N_("Write latitude and longitude in degrees with a point: 13.98 and 108.01."),
    ),
    "units.rows": (
        N_("The file has no rows, or too many."),
        N_("Bring 1 to 4,000 rows at once."),
    ),
    "units.successor": (
        N_("The successor is not there on that day."),
        N_("Name a unit that is in force on valid_to."),
    ),
    "units.twice": (
        N_("The same row stands twice."),
        N_("Remove one of them."),
    ),
}
