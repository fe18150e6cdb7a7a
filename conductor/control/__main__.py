"""`python -m conductor.control SPEC_JSON`: the cold process."""

import sys

from conductor.control.process import main

sys.exit(main(sys.argv))
