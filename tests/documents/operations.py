#!/usr/bin/env python3
"""Does what docs/operations.md says: `operations.py`.

It runs the `bash` blocks of the page, with the places of a machine put into a temporary folder: a PostgreSQL that takes nothing but
TLS, the server with the settings of the page, nginx with the shipped files, backups and a restore. Everything is stopped by its pid.
"""

import asyncio
import base64
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from python_client import load
from server import PROGRAM, ROOT, blocks, environment

PAGE = "operations.md"
# Besides the page's settings: coins for newcomers, so that the books have something to lose.
COINS = {"PARLOR__LEDGER__WELCOME_COINS": "100"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def until(what, asked, seconds=30):
    """Asks until the answer is true."""
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def run(command, **options):
    """Runs a command and returns its output; its failure is an error that shows it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command} ends with {done.returncode}:\n{done.stdout}"
    return done.stdout


class Postgres:
    """A PostgreSQL that lets nobody in over the network without TLS and a password."""

    def __init__(self, folder, data, port):
        self.folder, self.data, self.port, self.process = folder, data, port, None
        places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        found = shutil.which("initdb")
        self.bin = Path(os.environ.get("PG_BIN") or (Path(found).resolve().parent if found else places[0]))
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}

    def make(self):
        run([self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"], cwd=self.folder, **self.user)
        settings = f"""
            ssl = on
            ssl_cert_file = '{self.folder}/server.pem'
            ssl_key_file = '{self.folder}/server.key'
            listen_addresses = '127.0.0.1'
            unix_socket_directories = '{self.folder}'
        """
        (self.data / "postgresql.conf").open("a").write(re.sub("^ +", "", settings, flags=re.MULTILINE))
        (self.data / "pg_hba.conf").write_text(
            "local all,replication postgres trust\nlocal replication postgres trust\n"
            "hostssl all parlor_app,parlor_owner,parlor_audit 127.0.0.1/32 scram-sha-256\n"
        )

    def start(self):
        command = [self.bin / "postgres", "-D", self.data, "-p", str(self.port)]
        log = (self.folder / "postgres.log").open("a")
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self.user)
        until("PostgreSQL answers", lambda: subprocess.run(
            [self.bin / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]).returncode == 0)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    @property
    def superuser(self):
        return f"postgres://postgres@/postgres?host={self.folder}&port={self.port}"


class Machine:
    """The places that the page names, in a temporary folder."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="parlor-operations-"))
        os.chmod(self.folder, 0o755)
        self.running, self.postgres = [], []
        for name in ("etc", "lib", "backups", "nginx/tls", "pg"):
            (self.folder / name).mkdir(parents=True)
        self.ports = {name: free_port() for name in ("database", "server", "metrics", "http", "https")}
        self.certificates()
        pg = self.folder / "pg"
        if os.getuid() == 0:
            run(["chown", "-R", "postgres", pg])
        self.database = Postgres(pg, pg / "data", self.ports["database"])
        self.postgres.append(self.database)
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        own = f"-e {self.folder}/nginx/error.log -p {self.folder}/nginx -g 'daemon off; pid {self.folder}/nginx/pid;'"
        nginx = next(Path(place) / "nginx" for place in [*os.environ["PATH"].split(":"), "/usr/sbin"] if (Path(place) / "nginx").exists())
        (bin_folder / "nginx").write_text(f"#!/bin/sh\nexec {nginx} {own} \"$@\"\n")
        os.chmod(bin_folder / "nginx", 0o755)
        self.environment = environment({"PATH": f"{bin_folder}:{self.database.bin}:{os.environ['PATH']}", "PARLOR_LOG": "warn", **COINS})
        self.definitions = ""

    def certificates(self):
        """A certificate authority, and the certificate of `localhost` for PostgreSQL and nginx."""
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        for name in ("ca", "other"):
            run(["openssl", "req", "-x509", *ec, "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"], cwd=self.folder)
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\n")
        run(["openssl", "req", *ec, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"], cwd=self.folder)
        run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", "names", "-out", "server.pem"], cwd=self.folder)
        for name, place in (("server.pem", "pg/server.pem"), ("server.key", "pg/server.key"), ("ca.pem", "etc/db-ca.pem"),
                            ("server.pem", "nginx/tls/fullchain.pem"), ("server.key", "nginx/tls/privkey.pem")):
            shutil.copy(self.folder / name, self.folder / place)
        os.chmod(self.folder / "pg/server.key", 0o600)

    def here(self, text):
        """A text of the page or of `deploy/` with the places and ports of this machine."""
        folder = str(self.folder)
        places = {
            "/etc/parlor": f"{folder}/etc", "/var/lib/parlor": f"{folder}/lib", "/var/backups/parlor": f"{folder}/backups",
            "/etc/nginx": f"{folder}/nginx", "/var/www/acme": f"{folder}/acme", "/usr/local/bin/parlor": PROGRAM, "runuser -u parlor -- ": "",
            "postgres://postgres@/postgres?host=/run/postgresql": self.database.superuser,
            "db.example:5432": f"localhost:{self.ports['database']}", "127.0.0.1:8080": f"127.0.0.1:{self.ports['server']}",
            "127.0.0.1:9100": f"127.0.0.1:{self.ports['metrics']}", "listen 80;": f"listen 127.0.0.1:{self.ports['http']};",
            "listen 443 ssl;": f"listen 127.0.0.1:{self.ports['https']} ssl;", "include parlor.d/": f"include {folder}/nginx/parlor.d/",
            "A" * 43 + "=": base64.b64encode(os.urandom(32)).decode(),
        }
        for place, ours in places.items():
            text = text.replace(place, ours)
        return text

    def bash(self, lines, fails=False):
        """Runs lines as the operator, in the folder of a checkout, after the page's definitions."""
        lines = f"{self.definitions}\n{self.here(lines)}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        assert (done.returncode != 0) == fails, f"ended with {done.returncode}:\n{lines}\n{done.stdout}"
        return done.stdout

    def start(self, command):
        log = (self.folder / "log").open("a")
        process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.running.append(process)
        return process

    def serve(self, before=":"):
        etc = self.folder / "etc"
        process = self.start(f"env PARLOR_CONFIG={etc}/parlor.toml bash -c 'set -a; . {etc}/parlor.env; {before}; exec {PROGRAM} serve'")
        until("the server is ready", lambda: self.status("/readyz") == 200)
        return process

    def stop(self, process):
        """Stops a process that was started here, and returns its exit code."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def status(self, path):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.ports["server"], timeout=5)
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None

    def remove(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()
        for postgres in self.postgres:
            postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Guest:
    """A user behind nginx and TLS, with the client of docs/protocol.md."""

    def __init__(self, client, base):
        self.client, self.me = client, client.Parlor(base, "operations")

    async def come(self, name):
        self.contact, self.password = f"{name}@parlor.example", "as long as it takes"
        account = {"email": self.contact, "password": self.password, "name": name, "device": "operations"}
        self.me.keep(await asyncio.to_thread(self.client.rest, self.me.base, "POST", "/v1/auth/register", account))

    async def enter(self):
        room = (await self.me.rest("POST", "/v1/rooms", {"name": "Operations"}))["id"]
        self.staying = asyncio.ensure_future(self.me.run(room))
        await self.say("good evening")

    async def say(self, text):
        await asyncio.wait_for(self.me.command("chat.send", {"text": text}), 60)


def told(what):
    print(f"ok    {what}", flush=True)


async def main():
    machine = Machine()
    os.environ["SSL_CERT_FILE"] = str(machine.folder / "ca.pem")
    try:
        await operate(machine, load())
    finally:
        machine.remove()


def settings(machine):
    """The two files of settings, as the page has them."""
    (toml,), (env,) = blocks(PAGE, "toml"), blocks(PAGE, "ini")
    (machine.folder / "etc/parlor.toml").write_text(machine.here(toml))
    (machine.folder / "etc/parlor.env").write_text(machine.here(env))
    os.chmod(machine.folder / "etc/parlor.env", 0o600)
    # A program of nginx that was taken out of its package has no folders, and only root may write to those of the package.
    temporary = [f"{name}_temp_path {machine.folder}/nginx/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    for name in ("nginx.conf", "nginx.tls.conf"):
        (machine.folder / "deploy").mkdir(exist_ok=True)
        conf = machine.here((ROOT / "deploy" / name).read_text())
        (machine.folder / "deploy" / name).write_text(conf.replace("http {", "\n".join(["http {", "access_log off;", *temporary])))
    return toml


def unit(machine, toml):
    """The unit file is one, and its limits fit the settings."""
    text = (ROOT / "deploy/parlor.service").read_text()
    number = lambda name, where: int(re.search(rf"^{name} ?= ?(\d+)", where, re.MULTILINE)[1])
    most = number("max_connections", toml)
    assert number("LimitNOFILE", text) >= most + most // 4 + 1_024 + 512
    assert number("TimeoutStopSec", text) > 10, "longer than server.stop_within_ms"
    if not shutil.which("systemd-analyze"):
        return told("the unit file's limits fit (systemd-analyze is not here)")
    copy = machine.folder / "parlor.service"
    copy.write_text(text.replace("/usr/local/bin/parlor", PROGRAM).replace("User=parlor", "User=daemon"))
    said = run(["systemd-analyze", "verify", "--man=no", copy])
    assert "parlor.service" not in said, said  # it may complain about other units of this machine
    told("the unit file is one, and its limits fit the settings")


async def operate(machine, client):
    commands = blocks(PAGE, "bash")
    definitions, database, service, tls, dump, base_backup, restore, last = commands
    unit(machine, settings(machine))
    machine.definitions = machine.here(definitions)

    machine.database.make()
    machine.database.start()
    roles, words = blocks(PAGE, "sql")
    run(["psql", machine.database.superuser, "-qv", "ON_ERROR_STOP=1"], input=roles, env=machine.environment)
    said = machine.bash(database)
    assert "clean" in said and said.count("the database is parlor at localhost") >= 4, said
    told("a database with roles, TLS and sslmode=verify-full is migrated, seeded and audited")
    run(["psql", machine.database.superuser, "-qv", "ON_ERROR_STOP=1"], input=f"\\connect parlor\n{words}", env=machine.environment)
    told("words are filtered by a change of a table")
    shutil.copy(machine.folder / "other.pem", machine.folder / "etc/other-ca.pem")
    for address, words in (
        ("sslmode=verify-full&sslrootcert=/etc/parlor/other-ca.pem", "certificate"),
        ("sslmode=disable", "no encryption"),
    ):
        wrong = f"DATABASE_OWNER_URL='postgres://parlor_owner:owner-password@db.example:5432/parlor?{address}' parlor migrate"
        said = machine.bash(wrong, fails=True)
        assert words in said, said
    named = f"DATABASE_OWNER_URL='postgres://parlor_owner:owner-password@127.0.0.1:{machine.ports['database']}/parlor?%s' parlor migrate"
    ca = "&sslrootcert=/etc/parlor/db-ca.pem"
    assert "certificate" in machine.bash(named % f"sslmode=verify-full{ca}", fails=True), "the name is checked"
    machine.bash(named % f"sslmode=verify-ca{ca}")
    machine.bash(named % "sslmode=require")
    told("another authority's certificate, another name, and no TLS are refused")

    server = machine.serve()
    machine.bash(service)
    assert "up to date" in machine.bash("DATABASE_OWNER_URL=$OWNER parlor migrate"), "a schema is migrated while a server serves"
    said = machine.bash("PARLOR__SERVER__ADDRESS=127.0.0.1:0 PARLOR__TELEMETRY__METRICS_ADDRESS=127.0.0.1:0 parlor serve", fails=True)
    assert "another server" in said, said
    told("the server is ready, and a second one is refused")
    assert machine.stop(server) == 0
    server = machine.serve("ulimit -n 2000")
    assert "raise the hard limit" in (machine.folder / "log").read_text()
    assert machine.stop(server) == 0
    server = machine.serve()
    told("too few open files are told at the start")

    machine.bash(tls)
    nginx = machine.start(f"nginx -c {machine.folder}/nginx/nginx.conf")
    until("nginx listens", lambda: listens(machine.ports["https"]))
    guest = Guest(client, f"https://localhost:{machine.ports['https']}")
    await guest.come("amira")
    await guest.enter()
    connection = http.client.HTTPConnection("127.0.0.1", machine.ports["http"], timeout=5)
    connection.request("GET", "/v1/rooms", headers={"host": "parlor.example"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["location"]) == (301, "https://parlor.example/v1/rooms")
    (machine.folder / "acme/.well-known/acme-challenge").mkdir(parents=True)
    (machine.folder / "acme/.well-known/acme-challenge/word").write_text("yes")
    answer.read()
    connection.request("GET", "/.well-known/acme-challenge/word")
    assert connection.getresponse().read() == b"yes"
    before = guest.me.socket
    os.kill(int((machine.folder / "nginx/pid").read_text()), signal.SIGHUP)  # nginx -s reload
    await asyncio.sleep(2)
    await guest.say("still here")
    assert guest.me.socket is before, "a reload of nginx leaves open sockets alone"
    told("a socket through nginx and TLS lives through a reload; port 80 has the challenge alone")

    await asyncio.to_thread(machine.database.stop)
    await asyncio.to_thread(until, "readyz fails", lambda: machine.status("/readyz") == 503)
    assert machine.status("/healthz") == 200
    await asyncio.to_thread(machine.database.start)
    await asyncio.to_thread(until, "the server is ready again", lambda: machine.status("/readyz") == 200)
    await guest.say("after the database")
    assert guest.me.socket is before, "the socket stays while the database is away"
    told("the database goes and comes back, and everybody is still there")
    server.kill()
    server.wait()
    server = await asyncio.to_thread(machine.serve)
    await guest.say("after the crash")
    told("after a crash the next start waits for the end of the lease by itself")

    machine.bash(dump)
    machine.bash(base_backup)
    later = Guest(client, guest.me.base)
    await later.come("omar")  # is given coins, which the backups do not have
    machine.bash("parlor ledger anchor")
    epoch = guest.me.room.position["epoch"]
    assert machine.stop(server) == 0, "a stop that was asked for exits with 0"
    server = machine.serve()
    await guest.say("after the restart")
    assert guest.me.room.position["epoch"] > epoch
    told("after a restart everybody comes back by themselves")
    assert machine.stop(server) == 0

    machine.bash(restore)
    other = "DATABASE_URL=\"${DATABASE_URL/\\/parlor\\?//parlor_restored?}\""
    env = machine.folder / "etc/parlor.env"
    env.write_text(env.read_text() + other + "\n")
    said = machine.bash("parlor ledger audit --full", fails=True)
    lines = said.strip().splitlines()
    (audited,) = [at for at, line in enumerate(lines) if line.startswith("audited: ")]
    assert {line.split()[0] for line in lines[audited + 1 : -1]} == {"anchored"}, said
    toml = machine.folder / "etc/parlor.toml"
    toml.write_text(toml.read_text().replace("/anchors", "/anchors-2"))
    said = machine.bash("parlor ledger anchor; parlor ledger audit --full")
    assert "clean" in said, said
    server = machine.serve()
    login = {"login": guest.contact, "password": guest.password, "device": "again"}
    await asyncio.to_thread(client.rest, guest.me.base, "POST", "/v1/auth/login", login)
    lost = {**login, "login": later.contact, "password": later.password}
    try:
        await asyncio.to_thread(client.rest, guest.me.base, "POST", "/v1/auth/login", lost)
        raise AssertionError("who came after the backup is not in it")
    except client.Refused as refused:
        assert refused.code == "invalid_credentials", refused
    told("a dump is restored: the audit finds what the anchors know, and then all is clean")

    base = Postgres(machine.folder / "pg", machine.folder / "backups/base", free_port())
    if os.getuid() == 0:
        run(["chown", "-R", "postgres", base.data])
    os.chmod(base.data, 0o700)
    machine.postgres.append(base)
    base.start()
    moved = f"DATABASE_URL='postgres://parlor_audit:audit-password@localhost:{base.port}/parlor?sslmode=verify-full&sslrootcert=/etc/parlor/db-ca.pem'"
    kept = env.read_text()
    env.write_text(machine.here(f"{kept}\n{moved}\n"))
    assert "anchored" in machine.bash("parlor ledger audit --full --anchors /var/lib/parlor/anchors", fails=True)
    env.write_text(kept)
    told("a base backup starts, and is audited")

    tokens = await asyncio.to_thread(client.rest, guest.me.base, "POST", "/v1/auth/login", login)
    assert "the last admin" in machine.bash("parlor admin revoke you@parlor.example admin", fails=True), "the last one stays"
    machine.bash(last.replace('"$OWNER"', '"${OWNER/\\/parlor\\?//parlor_restored?}"'))
    assert machine.stop(server) == 0
    server = machine.serve()
    try:
        await asyncio.to_thread(client.rest, guest.me.base, "GET", "/v1/me", None, tokens["access_token"])
        raise AssertionError("a token of the old key is taken")
    except client.Refused as refused:
        assert refused.retry == "sign_in", refused
    renewed = await asyncio.to_thread(client.rest, guest.me.base, "POST", "/v1/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    await asyncio.to_thread(client.rest, guest.me.base, "GET", "/v1/me", None, renewed["access_token"])
    told("new signing keys: old access tokens are refused, refresh tokens bring new ones")
    assert machine.stop(server) == 0 and machine.stop(nginx) == 0
    guest.staying.cancel()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
