"""Put one bug at a time into the trust code, and see the tests that ought to notice it fail.

A bug of `tests.mutants.table` is one line of one file. It lives only in the memory of one process:
an import hook compiles the altered source, the files stay as they are. The processes are forked
from one that has imported what is slow and not ours.

    python -m tests.mutants.run                 (all; prints the table)
    python -m tests.mutants.run --only delegation --jobs 2
    python -m tests.mutants.run --part 0 --of 3
"""

import argparse
import importlib.machinery
import importlib.util
import os
import sys
import time
from pathlib import Path

from tests.mutants.table import MUTANTS, Mutant

TOP = Path(__file__).parents[2]
# The exit status of a run: pytest's own are 0 (all passed, so the bug survived) to 5.
SURVIVED, KILLED, MISPLACED = 0, 1, 9

HARMLESS = Mutant(
    *("protocols/file_hash.py", "nothing", ("tests/portable/test_canonical.py",)),
    *("self.length += len(data)", "self.length = self.length + len(data)"),
)


class Altered(importlib.machinery.SourceFileLoader):
    """Load one module with one line changed."""

    def __init__(self, name: str, path: str, mutant: Mutant):
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname):
        """Compile the altered source."""
        return compile(altered(self._mutant), self.path, "exec")


class Hook:
    """Find the altered module before anything else does."""

    def __init__(self, mutant: Mutant):
        self._mutant = mutant
        self._name = mutant.file[:-3].replace("/", ".")

    def find_spec(self, name, path=None, target=None):
        """Return the altered module's specification, or None for all others."""
        if name != self._name:
            return None
        place = str(TOP / self._mutant.file)
        return importlib.util.spec_from_file_location(
            name, place, loader=Altered(name, place, self._mutant)
        )


def altered(mutant: Mutant) -> str:
    """Return the source with the bug; the line must stand there exactly once."""
    source = (TOP / mutant.file).read_text()
    if source.count(mutant.old) != 1:
        count = source.count(mutant.old)
        raise LookupError(f"{mutant.file}: stands {count} times: {mutant.old!r}")
    return source.replace(mutant.old, mutant.new)


def _warm() -> None:
    # Slow imports that no bug touches, done once for all forks.
    import hypothesis  # noqa: F401
    import pytest  # noqa: F401
    import tuf.ngclient  # noqa: F401
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa  # noqa: F401
    from securesystemslib.signer import CryptoSigner  # noqa: F401


def _child(mutant: Mutant) -> int:
    # Runs in the fork, its output in a file of its own.
    import hypothesis
    import pytest

    sys.meta_path.insert(0, Hook(mutant))
    hypothesis.settings.register_profile("mutants", database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("mutants")
    flags = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # The interpreters of boards read the files as they are.
    flags += ["-k", "not micropython", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*flags, *mutant.killers]))


class Run:
    """One fork that tries one bug."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant
        self.started = time.monotonic()
        reading, writing = os.pipe()
        self._reading = reading
        self.process = os.fork()
        if self.process == 0:
            os.close(reading)
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            status = MISPLACED
            try:
                altered(mutant)
                status = _child(mutant)
            except BaseException as error:
                print(repr(error), flush=True)
            finally:
                sys.stdout.flush()
                os._exit(status)
        os.close(writing)

    def wait(self) -> str:
        """Return how it ended: killed by which test, survived, or what went wrong."""
        with os.fdopen(self._reading, errors="replace") as pipe:
            output = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        lines = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if status == KILLED and lines:
            return "killed by " + lines[-1].split(" ", 1)[1].split(" - ")[0]
        if status == SURVIVED:
            return "SURVIVED"
        return f"BROKEN (status {status}): " + " | ".join(output.splitlines()[-4:])


def run(mutants: list[Mutant], jobs: int = 1, show=None) -> list[tuple[Mutant, str]]:
    """Try bugs, some at a time; return each with how it ended."""
    _warm()
    results, waiting, running = [], list(mutants), []
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(Run(waiting.pop(0)))
        one = running.pop(0)
        ended = one.wait()
        results.append((one.mutant, ended))
        if show:
            show(one.mutant, ended, time.monotonic() - one.started)
    return results


def _show(mutant: Mutant, ended: str, seconds: float) -> None:
    print(f"{mutant.file:26} {mutant.breaks:58} {seconds:5.1f} s  {ended}", flush=True)


def main() -> int:
    """Run from the command line; 0 when every bug was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a part of the file's name or of what it breaks")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    parser.add_argument("--harmless", action="store_true", help="try a change that breaks nothing")
    options = parser.parse_args()
    if options.harmless:
        return 0 if run([HARMLESS], 1, _show)[0][1].startswith("killed") else 1
    chosen = [m for m in MUTANTS if options.only in m.file or options.only in m.breaks]
    chosen = chosen[options.part :: options.of]
    results = run(chosen, options.jobs, _show)
    killed = [ended for _, ended in results if ended.startswith("killed")]
    print(f"{len(results)} bugs, {len(killed)} killed, {len(results) - len(killed)} not")
    return 0 if len(killed) == len(results) else 1


if __name__ == "__main__":
    os.chdir(TOP)
    raise SystemExit(main())
