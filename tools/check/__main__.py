"""Entry of `python -m tools.check`."""

import sys

from tools.check.main import main

sys.exit(main())
