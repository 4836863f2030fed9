#!/usr/bin/env python3
"""Tries the statements of docs/protocol.md against a real server, frame by frame: `protocol.py`.

Each function whose name begins with `that_` is one statement. It uses the document's own WebSocket, and nothing else of its
client.
"""

import asyncio
import itertools
import json
import sys
import traceback
import urllib.request
import uuid
from urllib.parse import urlsplit

from python_client import load
from server import Server

SETTINGS = {
    "PARLOR__GATEWAY__CONNECT": "1000 in 1000 ms",
    "PARLOR__GATEWAY__JOIN": "1000 in 1000 ms",
    "PARLOR__GATEWAY__SEAT": "1000 in 1000 ms",
    "PARLOR__GATEWAY__SILENCE_MS": "2400",
    "PARLOR__GATEWAY__PING_MS": "1000",
    "PARLOR__GATEWAY__CONNECT_MS": "1500",
    "PARLOR__HTTP__TRUSTED_PROXIES": "127.0.0.1",
    "PARLOR__IDENTITY__REGISTRATIONS_PER_MINUTE_ADDRESS": "1000",
    "PARLOR__IDENTITY__REGISTRATIONS_PER_HOUR_ADDRESS": "0",
}
CLIENT = load()
ADDRESSES = itertools.count(1)


class User:
    """A new user, with REST."""

    def __init__(self, server):
        self.base = server.base
        account = {"email": f"{uuid.uuid4()}@parlor.example", "password": "as long as it takes", "name": "Amira", "device": "x"}
        # Each from an address of its own, because one address may not make many accounts.
        headers = {"content-type": "application/json", "x-forwarded-for": f"10.0.0.{next(ADDRESSES)}"}
        request = urllib.request.Request(f"{self.base}/v1/auth/register", json.dumps(account).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            answer = json.load(answer)
        self.token, self.refresh_token, self.id = answer["access_token"], answer["refresh_token"], answer["user"]["id"]

    def rest(self, method, path, body=None):
        return CLIENT.rest(self.base, method, path, body, self.token)

    def open_room(self):
        return self.rest("POST", "/v1/rooms", {"name": "Protocol"})["id"]

    def join(self, room, position=None):
        join = {"room": room, "token": self.rest("POST", f"/v1/rooms/{room}/token")["token"]}
        return {**join, "position": position} if position else join


class Wire:
    """A socket, one frame at a time. It answers pings."""

    async def open(self, user, joins=None, device=None):
        self.socket, self.ids = await CLIENT.WebSocket.open(user.base), 0
        self.user, self.pings = user, 0
        data = {"token": user.token, "device": device or f"wire-{uuid.uuid4()}", **({"joins": joins} if joins else {})}
        self.hello = (await self.ask("connect", data))["data"]
        return self

    def send(self, kind, data, op=None):
        self.ids += 1
        self.socket.send({"id": self.ids, "type": kind, "data": data, **({"op": op} if op else {})})
        return self.ids

    async def next(self, seconds=5):
        """The next frame that is no ping, or a close code."""
        while True:
            frame = await asyncio.wait_for(self.socket.receive(), seconds)
            if frame != {"type": "ping"}:
                return frame
            self.pings += 1
            self.socket.send({"type": "pong"})

    async def until(self, found):
        """The frames up to the first that is found, which is the last."""
        frames = []
        while not frames or not found(frames[-1]):
            frames.append(await self.next())
        return frames

    async def ask(self, kind, data, op=None):
        id = self.send(kind, data, op)
        return (await self.until(lambda frame: isinstance(frame, dict) and frame.get("id") == id))[-1]

    async def closed(self):
        """The `closing` notice, if there was one, and the close code."""
        frames = await self.until(lambda frame: isinstance(frame, int))
        return next((frame["data"] for frame in frames[:-1] if frame.get("type") == "closing"), None), frames[-1]


# A text frame with a brace alone.
NO_JSON = bytes([129, 129, 0, 0, 0, 0]) + b"{"


def op():
    return str(uuid.uuid4())


async def that_lists_which_are_empty_are_absent(one, two):
    wire = await Wire().open(one)
    assert "joins" not in wire.hello, wire.hello
    room = one.open_room()
    joined = (await wire.ask("room.join", one.join(room)))["data"]
    assert joined["recovered"] is False and "events" not in joined and "gifts" not in joined and "more_gifts" not in joined
    assert all("user" not in seat and "locked" not in seat for seat in joined["snapshot"]["seats"])
    assert joined["snapshot"]["own"] == {"role": "owner"} and joined["position"]["gift_no"] == 0, joined
    newcomer = await Wire().open(two, [two.join(room)])
    there = newcomer.hello["joins"][0]["data"]["snapshot"]
    assert there["count"] == len(there["people"]) == 1, "the newcomer's own snapshot is older than the event that names them"
    event = (await newcomer.until(lambda frame: frame.get("type") == "participants.changed"))[-1]
    named = event["data"]
    assert [person["id"] for person in named["joined"]] == [two.id] and named["count"] == 2 and "left" not in named, named
    position = {**joined["position"], "seq": event["seq"]}
    again = await Wire().open(one, [one.join(room, position)])
    (back,) = again.hello["joins"]
    assert back["data"]["recovered"] is True and "snapshot" not in back["data"] and "events" not in back["data"], back


async def that_a_reply_comes_behind_its_event(one, two):
    room = one.open_room()
    wire = await Wire().open(one, [one.join(room)])
    for kind, data, event in (
        ("chat.send", {"text": "hi"}, "chat.posted"),
        ("seat.take", {"seat": 0}, "seats.changed"),
        ("seat.lock", {"seat": 1}, "seats.changed"),
    ):
        id = wire.send(kind, {"room": room, **data}, op())
        frames = await wire.until(lambda frame: frame.get("id") == id)
        caused = [frame["seq"] for frame in frames[:-1] if frame.get("type") == event]
        assert len(caused) == 1 and (kind == "seat.lock" or caused == [frames[-1]["data"]["seq"]]), frames


async def that_soft_commands_are_answered_in_their_order_also_behind_hard_ones_and_gifts(one, two):
    room = one.open_room()
    wire = await Wire().open(one, [one.join(room)])
    other = await Wire().open(two, [two.join(room)])
    await wire.until(lambda frame: frame.get("type") == "participants.changed" and frame["data"]["count"] == 2)
    lock = wire.send("seat.lock", {"room": room, "seat": 2}, op())
    gift = wire.send("gift.send", {"room": room, "gift": 1, "count": 1, "to": {"users": [two.id]}}, op())
    soft = [wire.send("chat.send", {"room": room, "text": f"{number}"}, op()) for number in range(3)]
    soft += [wire.send("seat.take", {"room": room, "seat": 0}, op())]
    frames, seen = [], {}
    while len(seen) < 6:
        frames.append(await wire.next())
        if "id" in frames[-1]:
            seen[frames[-1]["id"]] = frames[-1]["data"]
            caused = {frame.get("seq") for frame in frames}
            assert frames[-1]["id"] not in soft or frames[-1]["data"]["seq"] in caused, "each reply is behind its event"
    assert [id for id in seen if id in soft] == soft and lock in seen, frames
    assert [frame["data"]["text"] for frame in frames if frame.get("type") == "chat.posted"] == ["0", "1", "2"]
    del other


async def that_after_the_reply_to_a_join_come_the_events_above_its_position(one, two):
    room = one.open_room()
    talker = await Wire().open(one, [one.join(room)])
    for number in range(4):
        talker.send("chat.send", {"room": room, "text": f"{number}"}, op())
    wire = await Wire().open(two)
    joined = (await wire.ask("room.join", two.join(room)))["data"]
    talker.send("chat.send", {"room": room, "text": "last"}, op())
    frames = await wire.until(lambda frame: frame.get("type") == "chat.posted" and frame["data"]["text"] == "last")
    numbers = [frame["seq"] for frame in frames if "seq" in frame]
    first = joined["position"]["seq"] + 1
    assert numbers == list(range(first, first + len(numbers))), (joined["position"], numbers)


async def that_a_client_that_comes_back_gets_all_missed_events_or_a_snapshot(one, two):
    room = one.open_room()
    talker = await Wire().open(one, [one.join(room)])
    wire = await Wire().open(two, [two.join(room)])
    position = wire.hello["joins"][0]["data"]["position"]
    wire.socket.drop()
    sent = [await talker.ask("chat.send", {"room": room, "text": f"{number}"}, op()) for number in range(3)]
    back = await Wire().open(two, [two.join(room, position)])
    joined = back.hello["joins"][0]["data"]
    numbers = [event["seq"] for event in joined["events"]]
    assert joined["recovered"] and numbers == list(range(position["seq"] + 1, joined["position"]["seq"] + 1)), joined
    assert sent[-1]["data"]["seq"] in numbers
    for wrong in ({**position, "epoch": position["epoch"] - 1}, {**position, "seq": position["seq"] + 1_000}):
        joined = (await back.ask("room.join", two.join(room, wrong)))["data"]
        assert joined["recovered"] is False and "snapshot" in joined, "another epoch, or ahead of the room"


async def that_a_gift_above_the_position_comes_once_by_events_or_by_gifts(one, two):
    room = one.open_room()
    giver = await Wire().open(one, [one.join(room)])
    wire = await Wire().open(two, [two.join(room)])
    position = wire.hello["joins"][0]["data"]["position"]
    give = {"room": room, "gift": 1, "count": 1, "to": {"users": [two.id]}}
    receipt = (await giver.ask("gift.send", give, op()))["data"]
    # The reply may come before or after the event; that it was paid is in either.
    (event,) = [frame for frame in await wire.until(lambda frame: frame.get("type") == "gifts.sent") if frame.get("type") == "gifts.sent"]
    assert [gift["receipt"] for gift in event["data"]["gifts"]] == [receipt["receipt"]]
    by_events = (await wire.ask("room.join", two.join(room, position)))["data"]
    assert [gift["gift_no"] for frame in by_events["events"] if frame["type"] == "gifts.sent" for gift in frame["data"]["gifts"]] == [1]
    assert "gifts" not in by_events
    late = (await wire.ask("room.join", two.join(room, {**position, "epoch": 1})))["data"]
    assert [gift["gift_no"] for gift in late["gifts"]] == [1], "with a snapshot they are in `gifts`"
    first = (await wire.ask("room.join", two.join(room)))["data"]
    assert "gifts" not in first and first["position"]["gift_no"] == 1, "a first visit gets none of them"
    page = (await wire.ask("gift.list", {"room": room, "after": 0}))["data"]
    assert [gift["gift_no"] for gift in page["gifts"]] == [1] and page["more"] is False


async def that_the_same_operation_takes_effect_once(one, two):
    room, mine = one.open_room(), op()
    wire = await Wire().open(one, [one.join(room)])
    first = (await wire.ask("chat.send", {"room": room, "text": "once"}, mine))["data"]
    again = (await wire.ask("chat.send", {"room": room, "text": "once"}, mine))["data"]
    assert again == {**first, "replayed": True}, again
    other = (await wire.ask("chat.send", {"room": room, "text": "other"}, mine))["error"]
    assert other["code"] == "operation_conflict" and other["retry"] == "never"
    none = (await wire.ask("chat.send", {"room": room, "text": "other"}))["error"]
    assert none["code"] == "operation_required"
    elsewhere = await Wire().open(one)
    refused = (await elsewhere.ask("chat.send", {"room": room, "text": "x"}, op()))["error"]
    assert refused["code"] == "not_in_room"
    give = {"room": room, "gift": 1, "count": 1, "to": {"users": [two.id]}}
    friend = await Wire().open(two, [two.join(room)])
    gift = op()
    paid = (await wire.ask("gift.send", give, gift))["data"]
    outside = (await elsewhere.ask("gift.send", give, gift))["data"]
    assert outside == {**paid, "replayed": True}, "a gift's first answer is known everywhere"
    del friend


async def that_five_lines_may_leave_at_once_and_then_one_each_second(one, two):
    room = two.open_room()
    wire = await Wire().open(two, [two.join(room)])
    answers = [await wire.ask("chat.send", {"room": room, "text": f"{number}"}, op()) for number in range(6)]
    assert all("data" in answer for answer in answers[:5]), answers
    error, mine = answers[5]["error"], op()
    assert (error["code"], error["retry"]) == ("rate_limited", "later") and 0 < error["retry_after_ms"] <= 1000, error
    await asyncio.sleep(error["retry_after_ms"] / 1000)
    assert "data" in await wire.ask("chat.send", {"room": room, "text": "later"}, mine)
    other = await Wire().open(two, [two.join(room)], device="another")
    refused = await other.ask("chat.send", {"room": room, "text": "from the other device"}, op())
    assert refused["error"]["code"] == "rate_limited", "all devices share the rate"


async def that_people_are_listed_by_id_above_after(one, two):
    room = one.open_room()
    wire = await Wire().open(one, [one.join(room)])
    other = await Wire().open(two, [two.join(room)])
    await wire.until(lambda frame: frame.get("type") == "participants.changed" and frame["data"]["count"] == 2)
    everybody = sorted([one.id, two.id])
    page = (await wire.ask("people.list", {"room": room}))["data"]
    assert [person["id"] for person in page["people"]] == everybody and page["count"] == 2 and page["more"] is False, page
    page = (await wire.ask("people.list", {"room": room, "after": everybody[0]}))["data"]
    assert [person["id"] for person in page["people"]] == everybody[1:] and page["count"] == 2
    del other


async def that_a_silent_client_is_closed_and_one_that_answers_pings_is_not(one, two):
    wire = await Wire().open(one)
    try:
        await asyncio.wait_for(wire.next(10), 3.5)
        raise AssertionError("nothing but pings comes")
    except asyncio.TimeoutError:
        assert wire.pings >= 3, "it was pinged, answered, and stayed for longer than the silence that is allowed"
    silent = await Wire().open(one)
    frames = []
    while not frames or isinstance(frames[-1], dict):
        frames.append(await asyncio.wait_for(silent.socket.receive(), 5))
    assert {"type": "ping"} in frames and frames[-1] == 4002, frames
    assert frames[-2] == {"type": "closing", "data": {"code": 4002, "reason": "silent"}}, frames


async def that_connect_must_come_in_time_and_first(one, two):
    socket = await CLIENT.WebSocket.open(one.base)
    socket.send({"id": 1, "type": "ping"})
    refused = await asyncio.wait_for(socket.receive(), 5)
    assert refused["error"]["code"] == "not_connected", refused
    wire = Wire()
    wire.socket, wire.pings = socket, 0
    notice, code = await wire.closed()
    assert code == 4003 and notice["reason"] == "connect_timeout"


async def that_frames_which_cannot_be_read_close_the_socket_at_the_third(one, two):
    wire = await Wire().open(one)
    for _ in range(2):
        wire.socket.writer.write(NO_JSON)
        answer = await wire.next()
        assert answer["id"] is None and answer["error"]["code"] == "bad_frame", answer
    assert "data" in await wire.ask("ping", {}), "one that can be read begins the count anew"
    for _ in range(3):
        wire.socket.writer.write(NO_JSON)
    assert (await wire.closed())[1] == 4500
    wire = await Wire().open(one)
    wire.socket.send(b"binary", opcode=2)
    assert (await wire.closed())[1] == 1003


async def that_unknown_things_are_ignored_or_refused_and_the_socket_stays(one, two):
    room = one.open_room()
    wire = await Wire().open(one, [one.join(room)])
    assert "data" in await wire.ask("chat.send", {"room": room, "text": "x", "later": 1}, op()), "an unknown field"
    assert (await wire.ask("hand.wave", {"room": room}, op()))["error"]["code"] == "unknown_type"
    error = (await wire.ask("chat.send", {"room": room, "text": " "}, op()))["error"]
    assert error["code"] == "bad_request" and error["retry"] == "never"
    assert error["fields"][0]["field"] == "text" and error["fields"][0]["message"], error
    try:
        one.rest("POST", "/v1/rooms", {"name": ""})
        raise AssertionError("a room has a name")
    except CLIENT.Refused as refused:
        assert refused.error["fields"][0]["field"] == "name", "REST has the same name for the fields"


async def that_a_second_socket_of_a_device_replaces_the_first(one, two):
    room = one.open_room()
    first = await Wire().open(one, [one.join(room)], device="phone")
    second = await Wire().open(one, device="phone")
    notice, code = await first.closed()
    assert (code, notice["reason"]) == (4502, "replaced")
    assert "data" in await second.ask("ping", {})


async def that_leaving_leaves_with_all_devices(one, two):
    room = one.open_room()
    phone, tablet = await Wire().open(two, [two.join(room)]), await Wire().open(two, [two.join(room)])
    assert "data" in await phone.ask("room.leave", {"room": room})
    removed = (await tablet.until(lambda frame: frame.get("type") == "room.removed"))[-1]["data"]
    assert removed == {"room": room, "cause": "left"}, removed
    assert (await tablet.ask("people.list", {"room": room}))["error"]["code"] == "not_in_room"


async def that_a_lost_answer_to_a_refresh_comes_again_and_the_token_must_be_of_the_session(one, two):
    wire, body = await Wire().open(one), {"refresh_token": one.refresh_token}
    first, again = (CLIENT.rest(one.base, "POST", "/v1/auth/refresh", body) for _ in range(2))
    assert first["refresh_token"] == again["refresh_token"] != one.refresh_token
    refreshed = await wire.ask("session.refresh", {"token": again["access_token"]})
    assert refreshed["data"]["expires_at"] == again["expires_at"], refreshed
    assert (await wire.ask("session.refresh", {"token": two.token}))["error"]["code"] == "forbidden"


async def that_a_user_is_in_one_room_at_a_time(one, two):
    here, there = one.open_room(), one.open_room()
    phone = await Wire().open(one, [one.join(here)])
    position = phone.hello["joins"][0]["data"]["position"]
    tablet = await Wire().open(one, [one.join(there)])
    frames = await phone.until(lambda frame: frame.get("type") == "room.removed")
    assert frames[-1]["data"] == {"room": here, "cause": "joined_elsewhere"}, frames
    back = await phone.ask("room.join", one.join(here, position))
    assert (back["error"]["code"], back["error"]["retry"]) == ("joined_elsewhere", "never")
    assert "data" in await phone.ask("room.join", one.join(here)), "without a position it is chosen"
    del tablet


async def that_closing_with_1000_leaves_the_room_and_another_code_does_not(one, two):
    room = one.open_room()
    watcher = await Wire().open(one, [one.join(room)])
    wire = await Wire().open(two, [two.join(room)])
    wire.socket.send((1001).to_bytes(2, "big"), opcode=8)
    assert (await wire.closed())[1] == 1000, "a close frame is answered with 1000"
    await asyncio.sleep(1)
    assert (await watcher.ask("people.list", {"room": room}))["data"]["count"] == 2, "the place is kept"
    wire = await Wire().open(two, [two.join(room)])
    wire.socket.send((1000).to_bytes(2, "big"), opcode=8)
    left = await watcher.until(lambda frame: frame.get("type") == "participants.changed" and "left" in frame["data"])
    assert left[-1]["data"]["left"] == [two.id], left


async def that_a_kicked_user_is_told_and_kept_out(one, two):
    room = one.open_room()
    owner, wire = await Wire().open(one, [one.join(room)]), await Wire().open(two, [two.join(room)])
    assert "data" in await owner.ask("room.kick", {"room": room, "user": two.id, "reason": "spam"}, op())
    removed = (await wire.until(lambda frame: frame.get("type") == "room.removed"))[-1]
    assert removed["user"] == two.id and removed["data"]["cause"] == "kicked" and removed["data"]["reason"] == "spam", removed
    assert "data" in await wire.ask("ping", {}), "the socket stays"
    try:
        error = (await wire.ask("room.join", two.join(room)))["error"]
        assert error["code"] == "kicked" and error["until"] == removed["data"]["until"], error
    except CLIENT.Refused as refused:
        assert refused.code == "kicked"


async def that_a_banned_user_is_told_and_refused_until_the_ban_is_lifted(one, two):
    room = one.open_room()
    passed = two.join(room)
    owner, wire = await Wire().open(one, [one.join(room)]), await Wire().open(two, [passed])
    assert "data" in await owner.ask("room.ban", {"room": room, "user": two.id, "reason": "spam"}, op())
    removed = (await wire.until(lambda frame: frame.get("type") == "room.removed"))[-1]
    assert removed["data"] == {"room": room, "cause": "banned", "reason": "spam"}, removed
    said = await wire.ask("chat.send", {"room": room, "text": "still here"}, op())
    assert said["error"]["code"] == "banned", said
    assert (await wire.ask("room.join", passed))["error"]["code"] == "banned"
    try:
        raise AssertionError(two.join(room))
    except CLIENT.Refused as refused:
        assert refused.code == "banned"
    assert "data" in await owner.ask("room.unban", {"room": room, "user": two.id}, op())
    assert "data" in await wire.ask("room.join", two.join(room))


async def that_the_owner_is_bound_by_no_mute_and_no_slow_mode(one, two):
    room = one.open_room()
    owner, wire = await Wire().open(one, [one.join(room)]), await Wire().open(two, [two.join(room)])

    def say(wire):
        return wire.ask("chat.send", {"room": room, "text": "good evening"}, op())

    assert "data" in await owner.ask("chat.mute", {"room": room, "user": two.id}, op())
    assert (await say(wire))["error"]["code"] == "muted"
    assert "data" in await owner.ask("chat.unmute", {"room": room, "user": two.id}, op())
    assert "data" in await owner.ask("chat.rules", {"room": room, "slow_mode_s": 60}, op())
    assert "data" in await say(wire)
    error = (await say(wire))["error"]
    assert error["code"] == "slow_mode" and 0 < error["retry_after_ms"] <= 60_000, error
    assert "data" in await owner.ask("chat.rules", {"room": room, "muted": True, "slow_mode_s": 0}, op())
    assert (await say(wire))["error"]["code"] == "muted"
    assert "data" in await say(owner) and "data" in await say(owner)


async def that_a_recalled_line_is_emptied_and_signals_name_who_types_and_speaks(one, two):
    room = one.open_room()
    owner, wire = await Wire().open(one, [one.join(room)]), await Wire().open(two, [two.join(room)])
    line = (await owner.ask("chat.send", {"room": room, "text": "secret"}, op()))["data"]
    number = {"epoch": line["epoch"], "seq": line["seq"]}
    assert (await wire.ask("chat.recall", {"room": room, **number}, op()))["error"]["code"] == "not_permitted"
    assert "data" in await wire.ask("chat.react", {"room": room, **number, "reaction": "love"})
    counts = [{"reaction": "love", "count": 1}]
    await owner.until(lambda frame: frame.get("type") == "chat.reactions" and frame["data"]["lines"] == [{**number, "counts": counts}])
    assert "data" in await owner.ask("chat.recall", {"room": room, **number}, op())
    event = (await wire.until(lambda frame: frame.get("type") == "chat.recalled"))[-1]
    assert event["data"] == {**number, "by": one.id} and event["seq"] > line["seq"], event
    late = await Wire().open(two, [two.join(room)])
    (shown,) = late.hello["joins"][0]["data"]["snapshot"]["chat"]
    assert shown["recalled"] is True and shown["text"] == "" and shown["seq"] == line["seq"] and "reactions" not in shown
    assert (await late.ask("mic.speaking", {"room": room}))["error"]["code"] == "not_seated"
    assert "data" in await late.ask("chat.typing", {"room": room})
    for users in ([two.id], []):
        frames = await owner.until(lambda frame: frame.get("type") == "chat.typing" and frame["data"]["users"] == users)
        assert "seq" not in frames[-1], frames


async def that_the_token_may_be_in_the_handshake_and_the_subprotocol_may_be_absent(one, two):
    at = urlsplit(one.base)
    for protocol, wanted in (("", b"101"), ("Sec-WebSocket-Protocol: soap\r\n", b"400")):
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(f"GET /v1/socket HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{protocol}"
                     f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     f"Authorization: Bearer {one.token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == wanted, head
        if wanted == b"101":
            socket = CLIENT.WebSocket()
            socket.reader, socket.writer = reader, writer
            socket.send({"id": 1, "type": "connect", "data": {"device": "by-header"}})
            assert (await asyncio.wait_for(socket.receive(), 5))["data"]["user"]["id"] == one.id
        writer.close()


async def that_the_access_token_that_is_refused_closes_with_4501(one, two):
    socket = await CLIENT.WebSocket.open(one.base)
    socket.send({"id": 1, "type": "connect", "data": {"token": "no token", "device": "x"}})
    wire = Wire()
    wire.socket, wire.pings = socket, 0
    frames = await wire.until(lambda frame: isinstance(frame, int))
    assert frames[0]["error"]["code"] == "unauthenticated" and frames[0]["error"]["retry"] == "sign_in", frames
    assert frames[1]["data"]["code"] == 4501 and frames[-1] == 4501, frames


async def that_a_command_beyond_the_unanswered_is_busy_and_an_id_is_unique_while_it_is_open(one, two):
    room = one.open_room()
    wire = await Wire().open(one, [one.join(room)])
    assert wire.hello["limits"]["unanswered_commands"] == 64 and wire.hello["limits"]["message_bytes"] == 65_536
    for _ in range(2):
        wire.socket.send({"id": 7, "type": "gift.list", "data": {"room": room, "after": 0}})
    answers = [await wire.next() for _ in range(2)]
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert len(refused) == 1 and refused[0]["code"] == "bad_request", answers
    for id in range(100, 180):
        wire.socket.send({"id": id, "type": "gift.list", "data": {"room": room, "after": 0}})
    answers = []
    while len(answers) < 80:
        frame = await wire.next()
        answers += [frame] if "id" in frame else []
    codes = {answer["error"]["code"] for answer in answers if "error" in answer}
    assert codes <= {"busy", "rate_limited"} and codes, codes


async def main(wanted):
    server, failed = Server(SETTINGS), 0
    try:
        for name, statement in list(globals().items()):
            if not name.startswith("that_") or wanted not in name:
                continue
            try:
                await asyncio.wait_for(statement(User(server), User(server)), 60)
                print(f"ok    {name.replace('_', ' ')}")
            except Exception:
                failed += 1
                print(f"FAIL  {name.replace('_', ' ')}\n{traceback.format_exc()}")
    finally:
        server.remove()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "")))
