"""Gettext catalogues, read from their `.po` files at start: nothing compiled can be stale.

Message ids are English. Vietnamese is the default; English is chosen by `?lang=en` (remembered), or
by a browser that accepts English and no Vietnamese at all.
"""

from pathlib import Path

from aiohttp import web
from babel import Locale, negotiate_locale
from babel.messages.pofile import read_po

LANGUAGES = ("vi", "en")
COOKIE = "lang"
DOMAIN = "chieng"
_FOLDER = Path(__file__).parent / "locale"


def N_(message: str) -> str:
    """Mark a message for extraction and return it unchanged."""
    return message


class Translations:
    """Translate messages into one language."""

    def __init__(self, language: str):
        self.language = language
        self.locale = Locale.parse(language)
        with (_FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
            catalogue = read_po(file, language)
        self._texts = {
            message.id: message.string
            for message in catalogue
            if message.id and message.string and not message.fuzzy
        }

    def get(self, message: str, **values: object) -> str:
        """Return a message translated, its `%(name)s` filled in."""
        text = str(self._texts.get(message, message))
        return text % values if values else text


TRANSLATIONS = web.AppKey("translations", dict[str, Translations])


def load() -> dict[str, Translations]:
    """Read every catalogue."""
    return {language: Translations(language) for language in LANGUAGES}


def chosen(request: web.Request) -> Translations:
    """Return the translations that a request asked for."""
    return request.app[TRANSLATIONS][language_of(request)]


def language_of(request: web.Request) -> str:
    """Return the language that a request asked for."""
    for asked in (request.query.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    accepted = [
        part.split(";")[0].strip().replace("-", "_")
        for part in request.headers.get("Accept-Language", "").split(",")[:20]
    ]
    vietnamese = negotiate_locale(accepted, ["vi"])
    return "en" if not vietnamese and negotiate_locale(accepted, ["en"]) else "vi"
