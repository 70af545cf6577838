"""Whether this system can confine code of others: in a container it often cannot."""

import pytest

from bakeoff.sandbox import unconfinable

CONFINES = not unconfinable()
needs_confinement = pytest.mark.skipif(not CONFINES, reason=unconfinable())
