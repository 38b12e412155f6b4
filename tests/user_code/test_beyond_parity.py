"""Bad cells for which ipykernel says the wrong thing or nothing."""

from frontend import Frontend, busy, error, execute_input, idle, reply


def test_an_exception_in_repr_is_named_in_the_reply(frontend: Frontend) -> None:
    code = "class Bad:\n    def __repr__(self): raise RuntimeError('in repr')\nBad()"
    cell = frontend.execute(code)
    named = reply("error", ename="RuntimeError", evalue="in repr")
    cell.sees(busy, execute_input, error("RuntimeError", "in repr"), named, idle)


def test_a_failing_str_of_an_exception_is_one_error(frontend: Frontend) -> None:
    code = "class Bad(Exception):\n    def __str__(self): raise RuntimeError\nraise Bad"
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, error("Bad"), reply("error", ename="Bad"), idle)


def test_a_lone_surrogate_in_an_exception_is_published(frontend: Frontend) -> None:
    cell = frontend.execute(r"raise ValueError('\ud800')")
    cell.sees(busy, execute_input, error("ValueError"), reply("error"), idle)
