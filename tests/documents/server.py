"""What the tests of the documents share: `parlor dev` with a store of its own, and the blocks of a document. `tests/api` uses the
server too."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PARLOR_BIN", str(ROOT / "target/debug/parlor"))
STARTED = re.compile(r"Parlor is ready: http://([\d.]+):(\d+)/")


def blocks(document, language):
    """The code blocks of this language in a document of `docs/`, in their order."""
    text = (ROOT / "docs" / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def environment(settings):
    """The environment of a program: that of the test without what would change the program, and these settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PARLOR_", "DATABASE_"))}
    return ours | settings


class Server:
    """`parlor dev` on a free port, with a temporary store. It is stopped by its pid, and may be started again."""

    def __init__(self, settings):
        self.data = tempfile.mkdtemp(prefix="parlor-documents-")
        os.chmod(self.data, 0o755)  # the store may run as another user
        self.environment, self.port = environment({"PARLOR_LOG": "warn"} | settings), 0
        self.start()

    def start(self):
        """Starts the program; a second time on the port of the first."""
        command = [PROGRAM, "dev", "--port", str(self.port), "--data", self.data]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment)
        for line in self.process.stdout:
            if found := STARTED.search(line):
                self.host, self.port = found[1], int(found[2])
                self.base = f"http://{self.host}:{self.port}"
                return
        self.remove()
        raise SystemExit(f"{PROGRAM} does not start")

    def stop(self):
        """Stops the program as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def kill(self):
        """Ends the program as a crash does."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def remove(self):
        """Stops the program and removes its store."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
