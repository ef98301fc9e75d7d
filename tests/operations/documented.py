"""What docs/operations.md tells operators to run, word for word."""

import re
import shlex
import subprocess
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def documented(name):
    """The block behind the comment that says that it is tried here."""
    comment = re.escape(f"<!-- tried by tests/operations: {name} -->")
    (block,) = re.findall(rf"^{comment}\n```\w+\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return block


def run(name, node, **variables):
    """Runs a block of commands, `kedge` being this node's program with its configuration; answers what they printed."""
    script = f'kedge() {{ {shlex.quote(str(node.binary))} "$@"; }}\n' + documented(name)
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env={**node.environment, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, f"{name}: {done.stderr}"
    return done.stdout
