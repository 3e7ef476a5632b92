"""Records for the eyes of a technician or another program."""

from edge.journal_book import JournalBook
from protocols import canonical
from protocols.errors import Fault


class LoudBook(JournalBook):
    """Print every fact as it is written."""

    def write(self, chain: str, kind: str, body: "dict[str, object]") -> None:
        """Write a fact down and print it; nobody may be reading any more."""
        JournalBook.write(self, chain, kind, body)
        line = {"at_ms": self.now_ms(), "chain": chain, "kind": kind, "body": body}
        try:
            print(str(canonical.encode(line), "utf-8"))
        except (OSError, Fault):
            return
