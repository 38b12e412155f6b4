"""What somebody who can read IOPub but has no key can do: nothing."""

from __future__ import annotations

import pytest

from frontend import Frontend
from wire.hostile import lives_on, marks, parts, signed


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_a_message_of_the_kernel_cannot_be_sent_back_to_it(fresh: Frontend, channel: str) -> None:
    of_the_kernel = fresh.execute("1").finish().published[0].header["session"]
    fresh.send_frames(signed(fresh, parts(fresh, session=of_the_kernel)), channel=channel)
    lives_on(fresh)
    assert marks(fresh) == 0
    assert "sent back" in fresh.kernel.stderr
