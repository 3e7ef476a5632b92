"""Errors that name who is at fault, carry a stable code, and say what to do next."""


class Fault(Exception):
    """Report a refused input or a failed step.

    `code` is a stable dotted word for logs, records and pages (`trust.bad_signature`), the message
    names the field or file, `remedy` is one sentence that says what to do.
    """

    whose = "local"

    def __init__(self, code: str, message: str, remedy: str):
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return self.code + ": " + self.message + " (" + self.remedy + ")"


class LocalFault(Fault):
    """Report a fault of this program or its caller: a wrong call, a wrong setting."""

    whose = "local"


class RemoteFault(Fault):
    """Report bytes from outside that break their format, a limit or a signature."""

    whose = "remote"


class WorldFault(Fault):
    """Report a fault of the world between: no link, a full disk, a silent device."""

    whose = "world"
