"""`run` itself: what it starts, what it stops, and what it says when it cannot."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANAGE = """
import sys
open("called", "a").write(" ".join(sys.argv[1:]) + chr(10))
if "load_demo" in sys.argv:
    print("The demo is loaded.\\nadmin@example.org / word")
if sys.argv[1] == "fail":
    sys.exit(7)
"""
CELERY = """
from celery import Celery
app = Celery("standin", broker=__import__("os").environ["REDIS_URL"])
app.conf.broker_connection_retry_on_startup = True
"""
WSGI = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"well"]
"""


class Folder:
    """A project so small that it starts at once, with the real `run` and its real servers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("run", "pyproject.toml", "requirements.txt", "requirements-local.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, path / name)
        for name, text in {
            "manage.py": MANAGE,
            "tpm/__init__.py": "",
            "tpm/settings.py": "",
            "tpm/celery.py": CELERY,
            "tpm/wsgi.py": WSGI,
        }.items():
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_text(text)
        (path / ".local").mkdir(mode=0o711)
        (path / ".local" / "venv").symlink_to(ROOT / ".local" / "venv")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.demos: list[subprocess.Popen[str]] = []
        self.env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.path / "run"), *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120)

    def demo(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.path / "run"), "demo", "--port", str(self.port), *arguments]
        demo = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.demos.append(demo)
        return demo

    def processes(self) -> dict[int, str]:
        """The running processes of this folder, with the word that tells them apart."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if str(self.path / ".local") in command:
                word = re.search(r"gunicorn|worker|beat|valkey|postgres", command)
                found[int(folder.name)] = word[0] if word else command
        return found

    def kill(self) -> None:
        while running := self.processes():  # gunicorn may start a worker while we count
            for pid in running:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def leader(self, name: str) -> int:
        """The process of that name that started first."""
        return min(pid for pid, word in self.processes().items() if word == name)


@pytest.fixture
def folder() -> Iterator[Folder]:
    if not (ROOT / ".local" / "venv" / "installed.json").exists():
        pytest.fail("these tests use the environment that ./run test makes")
    path = Path(tempfile.mkdtemp(prefix="tpm-run-"))
    path.chmod(0o755)
    folder = Folder(path)
    yield folder
    for demo in folder.demos:
        demo.kill()
        demo.wait()
        if demo.stdout:
            demo.stdout.close()
    folder.kill()
    elsewhere = path / ".local" / "elsewhere"
    if elsewhere.is_symlink():
        shutil.rmtree(elsewhere.resolve())
    shutil.rmtree((path / ".local" / "sockets").resolve(), ignore_errors=True)
    shutil.rmtree(path)


def ready(demo: subprocess.Popen[str]) -> list[str]:
    """The lines that the demo prints, up to the one that says it is ready."""
    assert demo.stdout
    lines: list[str] = []
    for line in demo.stdout:
        lines.append(line.strip())
        if line.startswith("Ready"):
            return lines
    pytest.fail("\n".join(lines))


def finish(demo: subprocess.Popen[str], how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    demo.send_signal(how)
    rest, _ = demo.communicate(timeout=60)
    return demo.returncode, rest


def test_the_demo_starts_and_leaves_nothing(folder: Folder) -> None:
    demo = folder.demo()
    lines = ready(demo)
    assert lines[-1] == f"Ready: http://127.0.0.1:{folder.port}  admin@example.org / word"
    assert set(folder.processes().values()) >= {"gunicorn", "worker", "beat", "valkey", "postgres"}
    page = HTTPConnection("127.0.0.1", folder.port)
    page.request("GET", "/")
    assert page.getresponse().read() == b"well"
    page.close()

    second = folder.run("demo")
    assert (second.returncode, second.stderr) == (
        1,
        f"run: the demo runs in this folder already: http://127.0.0.1:{folder.port}\n",
    )
    assert folder.run("manage", "fail").returncode == 7  # beside a demo, on the same servers
    assert {"valkey", "postgres"} <= set(folder.processes().values())

    assert finish(demo)[0] == 0
    assert folder.processes() == {}
    calls = (folder.path / "called").read_text().splitlines()
    assert calls == ["collectstatic --noinput -v0", "migrate --noinput", "load_demo", "fail"]


@pytest.mark.parametrize("name", ["worker", "postgres"])
def test_a_process_that_dies_is_named_and_the_rest_stops(folder: Folder, name: str) -> None:
    demo = folder.demo()
    ready(demo)
    os.kill(folder.leader(name), signal.SIGKILL)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert f"run: {name} stopped by itself" in output
    assert f"/log/{name}.log" in output
    assert folder.processes() == {}


def test_a_killed_run_is_cleared_up_by_the_next(folder: Folder) -> None:
    demo = folder.demo()
    ready(demo)
    demo.kill()
    demo.communicate()
    assert set(folder.processes().values()) >= {"gunicorn", "worker", "beat", "valkey", "postgres"}
    again = folder.demo()
    assert "Stopping web, left over from a run that was killed" in ready(again)
    assert finish(again, signal.SIGTERM)[0] == 0
    assert folder.processes() == {}


def test_servers_that_were_killed_start_again(folder: Folder) -> None:
    demo = folder.demo()
    ready(demo)
    demo.kill()
    demo.communicate()
    folder.kill()
    stale = folder.path / ".local" / "postgres" / "postmaster.pid"
    if stale.exists():  # its number now belongs to another process
        stale.write_text(stale.read_text().replace(stale.read_text().split()[0], str(os.getpid()), 1))
    assert folder.run("manage", "works").returncode == 0
    assert folder.processes() == {}


def test_a_taken_port_is_named(folder: Folder) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", folder.port))
        other.listen()
        refused = folder.run("demo", "--port", str(folder.port))
    assert refused.returncode == 1
    assert refused.stderr == f"run: port {folder.port} is taken; choose another: ./run demo --port N\n"


def test_a_failing_step_names_its_log(folder: Folder) -> None:
    (folder.path / "manage.py").write_text("raise SystemExit('the demo data is broken')")
    refused = folder.run("demo", "--port", str(folder.port))
    assert refused.returncode == 1
    assert refused.stderr.startswith("run: collectstatic failed: the demo data is broken (all of it: ")
    assert folder.processes() == {}


def test_own_servers_mean_that_nothing_starts(folder: Folder) -> None:
    folder.env |= {"DATABASE_URL": "postgres://somewhere/db", "REDIS_URL": "redis://somewhere"}
    (folder.path / "manage.py").write_text("import os; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL'])")
    assert folder.run("manage").stdout == "postgres://somewhere/db redis://somewhere\n"
    assert not (folder.path / ".local" / "postgres" / "PG_VERSION").exists()


def test_fresh_forgets_what_was_entered(folder: Folder) -> None:
    folder.run("manage", "works")
    local = folder.path / ".local"
    cluster = (local / "elsewhere" if (local / "elsewhere").exists() else local) / "postgres"
    (cluster / "entered").touch()
    (folder.path / "manage.py").write_text("raise SystemExit('enough')")
    assert "enough" in folder.run("demo", "--fresh", "--port", str(folder.port)).stderr
    assert (cluster / "tpm.made").exists()
    assert not (cluster / "entered").exists()


def test_an_unknown_command_lists_the_known_ones(folder: Folder) -> None:
    told = folder.run("nonsense")
    assert told.returncode == 2
    assert "./run demo" in told.stdout
