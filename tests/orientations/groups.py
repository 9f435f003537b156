"""The Laue groups that tests run over: those met every day always, the others with the slow tests, since each has programs to compile."""

import pytest

from jaxmicro.orientations import LAUE_GROUPS

EVERYDAY = ("m-3m", "6/mmm", "-3m", "mmm")
GROUPS = [laue if laue in EVERYDAY else pytest.param(laue, marks=pytest.mark.slow) for laue in LAUE_GROUPS]
