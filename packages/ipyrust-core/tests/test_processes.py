"""A kernel's children end with it; what left its process group is left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

LEADER = """
import json, os, subprocess, sys
from ipyrust_core import processes

processes.TERM_GRACE = 0.2
WAIT = "import sys, time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAIT
PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', %r]).wait()" % WAIT

def start(code, **options):
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **options)
    child.stdout.readline()
    return child

children = {
    "plain": start(WAIT),
    "stubborn": start(STUBBORN),
    "with a child": start(PARENT),
    "daemon": start(WAIT, start_new_session=True),
}
zombie = subprocess.Popen(["true"])
grandchildren = [pid for pid, parent, _ in processes._processes() if parent == children["with a child"].pid]
processes.end_children()
left = {pid for pid, _, _ in processes._processes()}
print(json.dumps({
    "alive": [name for name, child in children.items() if child.pid in left],
    "grandchildren": [len(grandchildren), len(left & set(grandchildren))],
    "daemon": children["daemon"].pid,
}))
"""


@pytest.mark.parametrize("leads", [True, False], ids=["leads its group", "in a group of others"])
def test_children_end_and_daemons_stay(leads):
    # The innocent one shares the group when the kernel does not lead it, and must survive.
    with subprocess.Popen(["sleep", "600"], process_group=0) as innocent:
        group = 0 if leads else innocent.pid
        done = subprocess.run(
            [sys.executable, "-c", LEADER],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
            process_group=group,
        )
        seen = json.loads(done.stdout)
        os.kill(seen["daemon"], signal.SIGKILL)
        assert seen["alive"] == ["daemon"]
        assert seen["grandchildren"] == [1, 0]
        assert innocent.poll() is None
        innocent.kill()


def test_without_children_it_is_quick():
    code = "from ipyrust_core.processes import end_children; end_children()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, process_group=0)
