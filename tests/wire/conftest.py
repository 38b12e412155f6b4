"""Every hostile test starts without the mark that it must not leave."""

import pytest

from frontend import Frontend
from wire.hostile import forget


@pytest.fixture
def target(frontend: Frontend) -> Frontend:
    """A client of a kernel in which nothing hostile has run yet."""
    forget(frontend)
    return frontend
