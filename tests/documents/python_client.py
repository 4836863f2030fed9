#!/usr/bin/env python3
"""Runs the client of docs/protocol.md against a real server: `python_client.py [SECONDS]`, 60 without a number.

One client is behind a proxy that cuts its connections anywhere in a frame, keeps it away, and now and then lets them go silent.
Two others are not. The server is killed once, just behind the answers to gifts, and restarted. In the end all of them must show
what a newcomer is given: each line and each gift once, in one order, no event left out, and each gift paid for once.
"""

import asyncio
import random
import socket
import struct
import sys
import time
import types

from server import Server, blocks

# Short-lived tokens, and resumes that are sometimes too large, so that everything the client can do happens within a minute.
SETTINGS = {
    "PARLOR__IDENTITY__ACCESS_TOKEN_MINUTES": "1",
    "PARLOR__ROOM__RESUME_EVENTS": "25",
    "PARLOR__ROOM__GRACE_MS": "110000",  # longer than a silence takes, so that seats stay and can be given gifts
    "PARLOR__GATEWAY__JOIN": "30 in 60000 ms",
    "PARLOR__LEDGER__WELCOME_COINS": "1000000",
}
PASSWORD = "parlor-demo"
# Gifts of two givers while one client is away: more than one answer to a join brings, so that pages of `gift.list` follow.
FLOOD = 105


def load():
    """The client, out of the document."""
    (source,) = [block for block in blocks("protocol.md", "python") if "class Parlor" in block]
    module = types.ModuleType("parlor_client")
    exec(compile(source, "docs/protocol.md", "exec"), module.__dict__)
    return module


class Proxy:
    """A proxy to the server that cuts: at a random byte, by a reset. It can also refuse, and fall silent."""

    def __init__(self, server, chance):
        self.server, self.chance, self.open, self.cuts = server, chance, set(), 0
        self.refuses = self.is_silent = False
        self.left = None  # the bytes that still pass before the next cut

    async def start(self):
        listener = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"

    async def serve(self, reader, writer):
        if self.refuses:
            return reset(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(self.server.host, self.server.port)
        except OSError:
            return reset(writer)
        pair = (writer, far_writer)
        self.open.add(pair)
        try:
            await asyncio.gather(self.pass_on(reader, far_writer), self.pass_on(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass  # cut, or the test has ended
        finally:
            self.open.discard(pair)
            for end in pair:
                reset(end)

    async def pass_on(self, reader, writer):
        while data := await reader.read(65_536):
            if self.is_silent:
                continue
            if self.left is not None:
                self.left -= len(data)
                if self.left <= 0:
                    writer.write(data[: len(data) + self.left])
                    self.cut()
                    return
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self):
        """Resets all connections."""
        self.left, self.cuts = None, self.cuts + 1
        for pair in list(self.open):
            for end in pair:
                reset(end)


def reset(writer):
    """Closes a connection as a network that breaks does: with a reset, and whatever was not sent is lost."""
    end = writer.get_extra_info("socket")
    if end is not None and end.fileno() != -1:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def watched(module):
    """Makes the client's own classes tell what they do, without changing what that is."""
    tally = {"recovered": 0, "snapshots": 0, "pages": 0, "renewed": 0, "refreshed": 0, "refused": 0}

    class Room(module.Room):
        def __init__(self, id):
            super().__init__(id)
            self.applied = None  # (epoch, seq) of the last event

        def joined(self, reply):
            tally["recovered" if reply["recovered"] else "snapshots"] += 1
            if not reply["recovered"]:
                self.applied = (reply["position"]["epoch"], reply["position"]["seq"])
            super().joined(reply)
            place = (self.position["epoch"], self.position["seq"])
            assert self.applied == place, f"the answer to a join is at {place}, its events end at {self.applied}"

        def apply(self, frame):
            epoch, seq = self.applied
            assert (frame["epoch"], frame["seq"]) == (epoch, seq + 1), f"{frame} came after {self.applied}"
            self.applied = (epoch, seq + 1)
            super().apply(frame)

    class Parlor(module.Parlor):
        def keep(self, tokens):
            tally["renewed"] += hasattr(self, "tokens")
            super().keep(tokens)

        async def ask(self, socket, kind, data, op=None):
            try:
                answer = await super().ask(socket, kind, data, op)
            except module.Refused:
                tally["refused"] += 1
                raise
            tally["pages"] += kind == "gift.list"
            tally["refreshed"] += kind == "session.refresh"
            return answer

    module.Room, module.Parlor = Room, Parlor
    return tally


class Person:
    """A demo user with the document's client."""

    def __init__(self, module, no, base):
        self.module, self.no, self.me = module, no, module.Parlor(base, f"documents-{no}")
        self.said, self.given, self.running = [], 0, None

    async def come_in(self, room):
        await self.me.sign_in(f"demo{self.no}@parlor.example", PASSWORD)
        self.running = asyncio.ensure_future(self.me.run(room))
        await asyncio.wait_for(self.me.ready.wait(), 60)

    async def say(self, text):
        self.said.append(text)
        await self.me.command("chat.send", {"text": text})

    async def give(self, to):
        try:
            receipt = await self.me.command("gift.send", {"gift": 1, "count": 1, "to": {"seats": [to]}})
        except self.module.Refused as refused:
            # Who sits on seat 3 leaves it now and then, and may be cut before they have it again.
            assert refused.code == "no_receivers" and to == 3, refused
            return
        self.given += receipt["total"]

    async def act(self, to, until, proxy):
        """Chats, gives, and sometimes changes its seat, until this time. It chats so slowly that who comes back finds all
        missed lines among the fifty of a snapshot."""
        for number in range(1_000_000):
            if time.monotonic() > until:
                return
            line = [] if proxy.is_silent else [self.say(f"line {number} of {self.no}")]
            await asyncio.gather(self.give(to), *line)
            if number % 4 == 3 and self.no == 2:
                await self.me.command("seat.leave", {})
                await self.me.command("seat.take", {"seat": 3})
            await asyncio.sleep(proxy.chance.uniform(1, 3))

    def lines(self):
        return [(line["op"], line["from"]["id"], line["text"]) for line in self.me.room.lines]

    def gifts(self):
        return [gift["receipt"] for gift in self.me.room.gifts]

    def place(self):
        position = self.me.room.position
        return position["epoch"], position["seq"]


async def settled(*persons):
    """Waits until all of them have seen the same last event and nothing waits."""
    for _ in range(600):
        places = {person.place() for person in persons}
        if len(places) == 1 and all(person.me.ready.is_set() and not person.me.room.behind for person in persons):
            await asyncio.sleep(1)
            if places == {person.place() for person in persons}:
                return
        for person in persons:
            assert not person.running.done(), f"the client of {person.no} has ended: {person.running.exception()!r}"
        await asyncio.sleep(0.1)
    raise AssertionError(f"they do not come to the same event: {[person.place() for person in persons]}")


async def prove(seconds):
    module, chance = load(), random.Random()
    tally, server = watched(module), Server(SETTINGS)
    try:
        proxy = Proxy(server, chance)
        await proxy.start()
        stays, cut, giver = Person(module, 1, server.base), Person(module, 2, proxy.base), Person(module, 3, server.base)
        await stays.me.sign_in("demo1@parlor.example", PASSWORD)
        room = (await stays.me.rest("POST", "/v1/rooms", {"name": "From Python"}))["id"]
        for person in (stays, cut, giver):
            await person.come_in(room)
        await stays.me.command("seat.take", {"seat": 0})
        await cut.me.command("seat.take", {"seat": 3})
        await settled(stays, cut, giver)

        async def part():
            """About half of the time, if that is long: everybody acts, and one is cut."""
            until = time.monotonic() + max(seconds / 4, seconds / 2 - 45)
            acting = asyncio.gather(*(person.act(to, until, proxy) for person, to in ((stays, 3), (cut, 0), (giver, 0))))
            while time.monotonic() < until:
                await asyncio.sleep(chance.uniform(0.3, 3))
                proxy.left = chance.choice([0, chance.randrange(1, 400), chance.randrange(1, 1_500)])
                if not proxy.left:
                    proxy.cut()
                if seconds > 120 and chance.random() < 0.05:
                    proxy.is_silent = True  # the client must find out by itself, within 45 s
                    await asyncio.sleep(50)
                    proxy.is_silent = False
                if acting.done():
                    break
            proxy.left = None
            await asyncio.wait_for(acting, 150)
            await settled(stays, cut, giver)

        began = time.monotonic()
        await part()
        await cut.me.rest("PATCH", "/v1/me", {"name": "Other"})
        # One is kept away, while another takes another name, and two give more than one answer brings.
        proxy.refuses = True
        proxy.cut()
        await stays.me.rest("PATCH", "/v1/me", {"name": "Another"})
        await asyncio.gather(*(person.give(0 if person is giver else 3) for person in (stays, giver) for _ in range(FLOOD)))
        proxy.refuses = False
        await settled(stays, cut, giver)
        assert tally["pages"], "the missed gifts came in pages"
        for person in (stays, cut, giver):
            names = [person.me.room.seats[no]["user"]["name"] for no in (0, 3)]
            assert names == ["Another", "Other"], f"{person.no} sees {names} on the seats"
            assert {"Another", "Other"} <= {there["name"] for there in person.me.room.people.values()}
        # The server dies just behind the answers to gifts. It may announce them a second time.
        epoch, _ = stays.place()
        await asyncio.gather(stays.give(3), giver.give(0))
        server.kill()
        await asyncio.to_thread(server.start)
        for _ in range(600):
            if min(person.place() for person in (stays, cut, giver))[0] > epoch:
                break
            await asyncio.sleep(0.1)
        await settled(stays, cut, giver)
        await part()

        # A cut in which nothing is missed is no reason for a snapshot.
        recovered = tally["recovered"]
        proxy.cut()
        for _ in range(600):
            if tally["recovered"] > recovered:
                break
            await asyncio.sleep(0.1)
        assert tally["recovered"] > recovered, tally
        newcomer = Person(module, 4, server.base)
        await newcomer.come_in(room)
        await settled(stays, cut, giver, newcomer)
        await compare(stays, cut, giver, newcomer)
        passed = round(time.monotonic() - began)
        wanted = {"recovered": 1, "snapshots": 8, "renewed": 1, "refreshed": 1, "pages": 1}
        missing = {name: tally[name] for name, least in wanted.items() if tally[name] < least}
        assert not missing and proxy.cuts >= seconds / 20, f"too little has happened: {proxy.cuts} cuts, {tally}"
        print(f"ok    the client of docs/protocol.md: {passed} s, {proxy.cuts} cuts, {tally}, "
              f"{len(cut.lines())} lines and {len(cut.gifts())} gifts, each once")
    finally:
        server.remove()


async def compare(stays, cut, giver, newcomer):
    """What the client that was cut shows is what the others show, and what a newcomer is given."""
    for person in (stays, giver):
        missing = [line for line in person.lines() if line not in cut.lines()]
        assert person.lines() == cut.lines(), f"the lines are the same in the same order; these are missing: {missing}"
        assert person.gifts() == cut.gifts(), "the gifts are the same in the same order"
    operations = [op for op, _, _ in cut.lines()]
    assert len(set(operations)) == len(operations), "each line is shown once"
    for person in (stays, cut, giver):
        mine = person.me.tokens["user"]["id"]
        assert [text for _, user, text in cut.lines() if user == mine] == person.said, f"the lines of {person.no}, in order"
    last = newcomer.lines()
    assert last and cut.lines()[-len(last):] == last, "the last lines are those of the snapshot"
    for person in (stays, cut, giver):
        mine, fresh = person.me.room, newcomer.me.room
        for name in ("seats", "seat_version", "count", "people", "coins", "position"):
            assert getattr(mine, name) == getattr(fresh, name), f"{name} of {person.no}: {getattr(mine, name)} {getattr(fresh, name)}"
    # The books: every gift once, and every coin once.
    stored, more = [], True
    while more:
        page = await newcomer.me.command("gift.list", {"after": len(stored)})
        stored, more = stored + page["gifts"], page["more"]
    assert [gift["receipt"] for gift in stored] == cut.gifts(), "each gift that was given is shown once"
    for person in (stays, cut, giver):
        mine = person.me.tokens["user"]["id"]
        assert sum(gift["total"] for gift in stored if gift["from"]["id"] == mine) == person.given, f"what {person.no} gave"
        wallet = (await person.me.rest("GET", "/v1/wallet"))["balances"]
        assert {balance["currency"]: balance["amount"] for balance in wallet} == {
            currency: balance["amount"] for currency, balance in person.me.balances.items()
        }, f"the balances of {person.no}"


if __name__ == "__main__":
    asyncio.run(prove(float(sys.argv[1]) if len(sys.argv) > 1 else 60))
