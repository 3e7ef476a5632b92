"""Language variants: which of them a node plays, in which order.

A rule names an item and then its variants, each an item of its own that says of which one it is a
variant. A unit's policy says what its hamlets ask for; where nothing is asked for, or nothing of it
is there, Vietnamese plays. A node that knows no variants plays them all, one after another.

Pages of boards are drawn for an order of languages beforehand (side by side), and name it.
"""

VIETNAMESE = "vi-VN"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.items import Item, Page
    from protocols.policy import Asked


def order_of(languages: "tuple[Asked, ...]", hamlet: str) -> tuple[str, ...]:
    """Return the languages that a hamlet asks for, in order; else those of its whole unit.

    An entry without hamlets is the unit's.
    """
    found: tuple[str, ...] = ()
    for asked in languages:
        if hamlet and hamlet in asked.hamlets:
            return tuple(asked.languages)
        if not asked.hamlets:
            found = asked.languages
    return found


def chosen(items: "list[Item]", order: tuple[str, ...]) -> "list[Item]":
    """Return those of a rule's items that play where these languages are asked for, in order."""
    names = [item.id for item in items]
    found = []
    for item in items:
        if item.variant_of not in names:
            found.extend(_of(item, items, order))
    return found


def _of(item: "Item", items: "list[Item]", order: tuple[str, ...]) -> "list[Item]":
    """Return what plays of one item and its variants."""
    there = {item.language: item}
    for other in items:
        if other.variant_of == item.id and other.language not in there:
            there[other.language] = other
    found = [there[language] for language in order if language in there]
    return found or [there.get(VIETNAMESE, item)]


def shown(pages: "tuple[Page, ...]", order: tuple[str, ...]) -> "list[Page]":
    """Return those of some pages that boards show where these languages are asked for, in order.

    Of an item that has none for exactly this order, the pages for everybody are shown.
    """
    drawn = [page.item for page in pages if page.asked and page.asked == order]
    return [page for page in pages if page.asked == (order if page.item in drawn else ())]
