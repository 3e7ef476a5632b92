"""Runs portable test modules under MicroPython: `micropython -m tests.portable.run MODULE…`.

Calls every `test_*` function of each module, prints one line a module with the count and how far
the heap was filled before a collection, and ends with exit code 1 when one failed.
"""

import gc
import sys


def run_module(name):
    """Run one module's tests; return how many failed."""
    gc.collect()
    module = __import__("tests.portable." + name, None, None, (name,))
    names = sorted(n for n in dir(module) if n.startswith("test_"))
    peak = gc.mem_alloc()
    failures = 0
    for test in names:
        gc.collect()
        try:
            getattr(module, test)()
        except Exception as error:
            failures += 1
            print("FAILED", name + "." + test)
            sys.print_exception(error)
        peak = max(peak, gc.mem_alloc())
    total = gc.mem_alloc() + gc.mem_free()
    print(
        "%s: %d tests, %d failed, heap of %d KB filled up to %d KB"
        % (name, len(names), failures, total // 1024, peak // 1024)
    )
    if not names:
        print("FAILED", name, "has no tests")
        return 1
    return failures


def main():
    """Run the modules named on the command line; return the exit code."""
    failures = sum([run_module(name) for name in sys.argv[1:]])
    return 1 if failures or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
