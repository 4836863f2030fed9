#!/usr/bin/env python3
"""Calls every operation of the API with requests that its description allows, and with some that it does not. Run it as
`run.py` in an environment with schemathesis.

It starts `parlor dev` on a free port with a temporary store (PARLOR_BIN names the program), stops it by its pid, and prints
the number of calls. It fails on a server error, on an answer that is not described, and on fewer than CALLS calls.
"""

import base64
import collections
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "documents"))
from server import Server as Started

CALLS = 2000
# High limits, because other tests cover the limits.
SETTINGS = {
    "PARLOR__IDENTITY__REQUESTS_PER_MINUTE_USER": "1000000",
    "PARLOR__IDENTITY__ATTEMPTS_PER_MINUTE_ACCOUNT": "10000",
    "PARLOR__IDENTITY__SIGN_INS_PER_MINUTE_ADDRESS": "1000000",
    "PARLOR__IDENTITY__REGISTRATIONS_PER_MINUTE_ADDRESS": "1000000",
    "PARLOR__IDENTITY__REGISTRATIONS_PER_HOUR_ADDRESS": "0",
    "PARLOR__VOICE__PROVIDER": "livekit",
    "PARLOR__VOICE__LIVEKIT__ADDRESS": "ws://127.0.0.1:9",
    "PARLOR__VOICE__LIVEKIT__API_KEY": "key",
    "PARLOR__VOICE__LIVEKIT__API_SECRET": "a-secret-of-32-characters-or-more",
    "PARLOR__ROOM__ROOMS_PER_DAY_USER": "0",
    "PARLOR__ROOM__ROOMS_USER": "0",
    "PARLOR__MEDIA__UPLOADS_PER_DAY_USER": "10000",
    "PARLOR__MEDIA__UPLOAD_BYTES_PER_DAY_USER": "1000000000000",
    "PARLOR__HTTP__ANONYMOUS_PER_MINUTE_ADDRESS": "1000000",
    "PARLOR__GATEWAY__CONNECTIONS_PER_MINUTE_ADDRESS": "1000000",
    "PARLOR__MEDIA__UPLOADS_PER_MINUTE_USER": "10000",
    **{f"PARLOR__GATEWAY__{kind}": "100000 in 1000 ms" for kind in ("CONNECT", "CHAT", "GIFT", "SEAT", "JOIN", "LIST", "REQUESTS")},
}


class Server(Started):
    """The server of the tests of the documents, with calls."""

    is_stopping = False

    def stop(self):
        self.is_stopping = True
        super().stop()

    def call(self, method, path, body, token=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.load(answer)

    def sign_in(self, number):
        login = {"login": f"demo{number}@parlor.example", "password": "parlor-demo", "device": "socket"}
        return self.call("POST", "/v1/auth/login", login)


class Socket:
    """Keeps a user in a room: a minimal WebSocket that joins, answers pings from a thread, and reconnects when a call has
    ended the session."""

    def __init__(self, server, number, room):
        self.server, self.number, self.room = server, number, room
        self._open()
        threading.Thread(target=self._stay, daemon=True).start()

    def _open(self):
        server, room = self.server, self.room
        token = server.sign_in(self.number)["access_token"]
        self.stream = socket.create_connection((server.host, server.port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET /v1/socket HTTP/1.1\r\nhost: {server.host}:{server.port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-protocol: parlor.v1.json\r\nsec-websocket-key: {key}\r\n\r\n".encode()
        )
        while not self._exactly(1) == b"\n" or not self._exactly(2) == b"\r\n":
            pass
        room_token = server.call("POST", f"/v1/rooms/{room}/token", {}, token)["token"]
        joins = [{"room": room, "token": room_token}]
        self.say({"id": 1, "type": "connect", "data": {"token": token, "device": "schemathesis", "joins": joins}})
        self.hear()

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise ConnectionError("the server has closed the socket")
            data += more
        return data

    def say(self, frame):
        text = json.dumps(frame).encode()
        length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack("!H", len(text))
        self.stream.sendall(b"\x81" + length + bytes(4) + text)  # masked with zeros

    def hear(self):
        _, length = self._exactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        return self._exactly(length).decode(errors="replace")

    def _stay(self):
        while not self.server.is_stopping:
            try:
                if self.hear() == '{"type":"ping"}':
                    self.say({"type": "pong"})
            except OSError:
                if not self.server.is_stopping:
                    self._open()


def sum_up(tally):
    """Returns the number of calls, and prints it with the operations that were always refused."""
    calls, granted, refused = sum(tally.values()), collections.Counter(), set()
    for answered, count in tally.items():
        operation, _, status = answered.rpartition(" ")
        refused.add(operation)
        if status.startswith(("2", "3")):
            granted[operation] += count
    print(f"{calls} calls, {granted.total()} of them granted; never: {', '.join(sorted(refused - granted.keys() - {''}))}")
    return calls


def main():
    server = Server(SETTINGS)
    try:
        owner, other = (server.sign_in(number) for number in (1, 2))
        room = server.call("POST", "/v1/rooms", {"name": "Schemathesis"}, owner["access_token"])["id"]
        for number in (1, 2):
            Socket(server, number, room)
        # Another user in the room, to receive gifts.
        server.call("PUT", f"/v1/rooms/{room}/seat", {"seat": 7}, other["access_token"])
        tally = Path(server.data) / "tally.json"
        program = Path(sys.executable).with_name("schemathesis")
        command = [program, "--config-file", HERE / "schemathesis.toml", "run", f"{server.base}/v1/openapi.json", *sys.argv[1:]]
        env = {"PARLOR_URL": server.base, "PARLOR_ROOM": room, "PARLOR_OTHER": other["user"]["id"], "PARLOR_TALLY": tally}
        # schemathesis leaves files in its working folder, and finds hooks.py by its name.
        env |= {"PYTHONPATH": HERE, "PYTHONDONTWRITEBYTECODE": "1"}
        env = os.environ | {name: str(value) for name, value in env.items()}
        failed = subprocess.run(command, cwd=server.data, env=env).returncode != 0
        calls = sum_up(json.loads(tally.read_text()))
        if calls < CALLS:
            print(f"fewer than {CALLS} calls: raise max-examples in schemathesis.toml")
        return 1 if failed or calls < CALLS else 0
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
