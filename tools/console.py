"""What a command says and asks: Vietnamese or English, terminal or script."""

import getpass
import sys
from typing import TextIO

from protocols.errors import Fault, LocalFault
from tools import flash_messages, visit_messages
from tools.messages import FAULTS, TEXTS

LANGUAGES = ("vi", "en")
SENTENCES = {**visit_messages.SENTENCES, **flash_messages.SENTENCES}


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

    def sentence(self, code: str) -> str | None:
        """Return one sentence on an error code in the console's language, where there is one."""
        return SENTENCES.get(code) if self.language == "vi" else None

    def ask_line(self, prompt: str) -> str:
        """Ask for a line of text; raises `LocalFault("tool.input")` when nobody answers."""
        print(prompt + ": ", end="", file=self._out, flush=True)
        typed = self._source.readline()
        if not typed:
            raise LocalFault("tool.input", "nobody answers", "Use --batch where nobody types.")
        return typed.strip()

    def fault(self, fault: Fault) -> None:
        """Print an error with what to do next."""
        said = self.sentence(fault.code)
        if said is not None:
            print(f"{said}\n  [{fault.code}: {fault.message}]", file=self._errors)
            return
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
