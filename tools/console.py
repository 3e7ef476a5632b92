"""What a command says and asks: Vietnamese or English, terminal or script."""

import getpass
import sys
from typing import TextIO

from protocols.errors import Fault
from tools.messages import FAULTS, TEXTS

LANGUAGES = ("vi", "en")


class Console:
    """Print texts in one language and read what people type.

    Secrets come from the terminal unseen, or line by line from `source` when that is no terminal.
    """

    def __init__(
        self,
        language: str = "vi",
        out: TextIO | None = None,
        source: TextIO | None = None,
        errors: TextIO | None = None,
    ):
        self.language = language if language in LANGUAGES else "en"
        self._out = out or sys.stdout
        self._source = source or sys.stdin
        self._errors = errors or sys.stderr

    def text(self, key: str, **values: object) -> str:
        """Return a text of `tools.messages` in the console's language."""
        return TEXTS[key][LANGUAGES.index(self.language)].format(**values)

    def say(self, key: str, **values: object) -> None:
        """Print a text."""
        self.line(self.text(key, **values))

    def line(self, text: str = "") -> None:
        """Print a line that needs no translation."""
        print(text, file=self._out)

    def fault(self, fault: Fault) -> None:
        """Print an error with what to do next."""
        remedy = fault.remedy
        if self.language == "vi":
            remedy = FAULTS.get(fault.code, fault.remedy)
        print(f"{fault.code}: {fault.message}\n→ {remedy}", file=self._errors)

    def ask_secret(self, key: str, **values: object) -> str:
        """Ask for a passphrase."""
        prompt = self.text(key, **values) + ": "
        if self._source is sys.stdin and sys.stdin.isatty():
            return getpass.getpass(prompt)
        print(prompt, file=self._errors)
        return self._source.readline().strip()

    def confirm(self, key: str, **values: object) -> bool:
        """Ask a question that only the word for yes answers with yes."""
        print(self.text(key, **values), file=self._errors, flush=True)
        return self._source.readline().strip().casefold() in {"có", "co", "yes"}


def language_of(choice: str | None, environment: dict[str, str]) -> str:
    """Return the language asked for, or the one of the environment, Vietnamese first."""
    if choice:
        return choice
    names = (environment.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    wanted = next((name for name in names if name and name not in {"C", "POSIX", "C.UTF-8"}), "vi")
    return "en" if wanted.startswith("en") else "vi"
