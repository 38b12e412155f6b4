"""Code that imports from ipykernel, whether it is installed or not."""

import pytest

from detections.notebook import Notebook

IMPORTED_ALREADY = [
    "isinstance(sys.stdout, ipykernel.iostream.OutStream)",
    "isinstance(sys.stderr, ipykernel.iostream.OutStream)",
    "isinstance(get_ipython(), ipykernel.zmqshell.ZMQInteractiveShell)",
    "type(get_ipython()) is ipykernel.zmqshell.ZMQInteractiveShell",
    "type(get_ipython().displayhook).__module__ == 'ipykernel.displayhook'",
    "isinstance(get_ipython().display_pub, ipykernel.zmqshell.ZMQDisplayPublisher)",
    "(6, 18) <= ipykernel.version_info[:2]",
    "ipykernel.__version__ == '7.4.0'",
    "ipykernel.kernel_protocol_version.startswith('5.')",
    "importlib.util.find_spec('ipykernel') is not None",
    "ipykernel.get_connection_file().endswith('kernel-0123.json')",
    "isinstance(ipykernel.connect.get_connection_info(unpack=True)['key'], bytes)",
    "isinstance(ipykernel.get_connection_info(), str)",
    "ipykernel.kernelapp.IPKernelApp.initialized()",
    "ipykernel.kernelapp.IPKernelApp.instance().kernel is get_ipython().kernel",
    "isinstance(ipykernel.kernelapp.IPKernelApp.instance(), ipykernel.kernelapp.IPKernelApp)",
    "ipykernel.kernelapp.IPKernelApp.instance().shell is get_ipython()",
    "ipykernel.kernelapp.IPKernelApp.instance().connection_file.endswith('kernel-0123.json')",
    "get_ipython().config['IPKernelApp']['connection_file'].endswith('kernel-0123.json')",
]
STAYS_UNLOADED = """
    import pickle, sys, ipykernel
    def nameless(): pass
    nameless.__module__ = None
    nameless.__qualname__ = "no_module_has_this"
    try: pickle.dumps(nameless)
    except Exception: pass
    "tornado" in sys.modules
"""
IMPORTED_WHEN_ASKED_FOR = [
    "isinstance(get_ipython().kernel, ipykernel.kernelbase.Kernel)",
    "isinstance(get_ipython().kernel, ipykernel.ipkernel.IPythonKernel)",
    "ipykernel.kernelbase.Kernel.initialized()",
    "ipykernel.kernelbase.Kernel.instance() is get_ipython().kernel",
    "isinstance(ipykernel.kernelbase.Kernel, type)",
    "ipykernel.jsonutil.json_clean({'a': 1}) == {'a': 1}",
]


def check(notebook: Notebook, imports: str, expressions: list[str]) -> None:
    """All of `expressions` must be true."""
    notebook.run(imports)
    values = {expression: notebook.frontend.value(expression) for expression in expressions}
    assert {expression for expression, value in values.items() if value != "True"} == set()


def test_what_is_imported_already(notebook: Notebook) -> None:
    check(notebook, "import sys, importlib.util, ipykernel", IMPORTED_ALREADY)


def test_what_is_imported_when_it_is_asked_for(notebook: Notebook) -> None:
    imports = "import ipykernel.kernelbase, ipykernel.ipkernel, ipykernel.jsonutil"
    check(notebook, imports, IMPORTED_WHEN_ASKED_FOR)


@pytest.mark.ours("it has imported everything at its start")
def test_asking_all_modules_for_a_name_imports_nothing(notebook: Notebook) -> None:
    assert notebook.value(STAYS_UNLOADED) == "False"


def test_a_star_import(notebook: Notebook) -> None:
    notebook.run("from ipykernel.connect import *")
    assert notebook.value("get_connection_file().endswith('kernel-0123.json')") == "True"
    assert notebook.value("import ipykernel; callable(ipykernel.write_connection_file)") == "True"


def test_a_comm_of_ipykernel(notebook: Notebook) -> None:
    code = "from ipykernel.comm import Comm\nc = Comm(target_name='t', data={'a': 1}); c.send({'b': 2}); c.close()"
    seen = notebook.run(code)
    types = [message.msg_type for message in seen.published]
    assert [each for each in types if each.startswith("comm")] == [
        "comm_open",
        "comm_msg",
        "comm_close",
    ]
    assert seen.one("comm_open").content["data"] == {"a": 1}


def test_a_comm_of_ipykernel_hears_its_messages(notebook: Notebook) -> None:
    notebook.run(
        """
        from ipykernel.comm import Comm
        c = Comm(target_name="t", comm_id="c")
        c.on_msg(lambda message: print(message["content"]["data"]))
        """
    )
    content = {"comm_id": "c", "data": {"a": 1}}
    exchange = notebook.frontend.request("comm_msg", content)
    exchange.reaches_text("{'a': 1}")


def test_the_comm_manager_is_one(notebook: Notebook) -> None:
    code = """
        import comm
        from ipykernel.comm import CommManager
        manager = get_ipython().kernel.comm_manager
        manager is comm.get_comm_manager(), isinstance(manager, CommManager)
    """
    assert notebook.value(code) == "(True, True)"


def test_ipyparallel(notebook: Notebook) -> None:
    code = "import ipyparallel, ipyparallel.client.client; ipyparallel.Client.__name__"
    assert notebook.value(code) == "'Client'"


def test_the_old_home_of_the_inline_backend(notebook: Notebook) -> None:
    code = """
        import warnings; warnings.simplefilter("ignore")
        import ipykernel.pylab.backend_inline as old, matplotlib_inline.backend_inline as new
        old.show is new.show
    """
    assert notebook.value(code) == "True"


@pytest.mark.ours("it starts a second kernel on the same shell, and hangs")
def test_embedding_says_what_to_do(notebook: Notebook) -> None:
    seen = notebook.frontend.execute("import ipykernel.embed; ipykernel.embed.embed_kernel()")
    assert "get_ipython()" in seen.finish().one("error").content["evalue"]


def test_a_refusal_of_in_process_kernels_says_what_to_use(
    notebook: Notebook, situation: str
) -> None:
    if situation != "ipyrust alone":
        pytest.skip("the real in-process kernel is installed")
    seen = notebook.frontend.execute("import ipykernel.inprocess").finish()
    assert "KernelManager" in seen.one("error").content["evalue"]
