"""Commands that run without the rights of the superuser, whoever runs the tests."""

from __future__ import annotations

import sys

_SCRIPT = """
import ctypes, os, sys
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24
if os.geteuid() == 0:
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""

#: Goes before a command; on Linux only.
AS_ANYBODY = (sys.executable, "-c", _SCRIPT)
