"""error for an ExceptionGroup: frontends get the traceback as for any other exception."""

from frontend import Frontend, busy, error, execute_input, idle, reply


def test_an_exception_group_is_published_as_error(frontend: Frontend) -> None:
    cell = frontend.execute("raise ExceptionGroup('several', [ValueError(1), TypeError(2)])")
    seen = cell.sees(busy, execute_input, error("ExceptionGroup"), reply("error"), idle)
    assert "TypeError: 2" in "\n".join(seen.one("error").content["traceback"])
