"""Runs an emulated account in the foreground: `python -m local.account --help`."""

import sys

from local.account.process import main

sys.exit(main())
