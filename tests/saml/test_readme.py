"""The README's section on single sign-on, walked as it is printed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from kedge import free_port

REPOSITORY = Path(__file__).parents[2]
MARK = "<!-- walked by tests/saml/test_readme.py -->\n```sh\n"


def test_walk_signs_in_as_printed(kedge, tmp_path):
    script = (REPOSITORY / "README.md").read_text().split(MARK)[1].split("```")[0]
    script = script.replace("http://localhost:8228", kedge.url).replace("admin:foobar", ":".join(kedge.admin))
    script = script.replace("tests/saml/", f"{REPOSITORY}/tests/saml/").replace("-o metadata.xml", f"-o {tmp_path}/metadata.xml")
    port = free_port()
    script = script.replace("idp.py", f"idp.py --port {port}").replace("localhost:8229", f"localhost:{port}")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # A group of its own: the identity provider is started into the background, and would stay.
    with subprocess.Popen(
        ["bash", "-euc", script], env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as walk:
        try:
            said = ""
            while '"account_name": "tea-party"' not in said:
                line = walk.stdout.readline()
                assert line, said
                said += line
        finally:
            os.killpg(walk.pid, signal.SIGTERM)
    assert '"username": "white-rabbit"' in said
