"""Signs the caller in, and fills requests with ids of things that exist: a room with the caller and another user."""

import atexit
import collections
import json
import os
import random

import requests
import schemathesis

URL = os.environ["PARLOR_URL"]
ROOM = int(os.environ["PARLOR_ROOM"])
OTHER = int(os.environ["PARLOR_OTHER"])
CHANCE = random.Random(20261124)
# How often each operation was answered with which status; requests to no known operation are under an empty name.
TALLY = collections.Counter()


def sign_in():
    login = {"login": "demo1@parlor.example", "password": "parlor-demo", "device": "schemathesis"}
    answer = requests.post(f"{URL}/v1/auth/login", json=login, timeout=15)
    answer.raise_for_status()
    return answer.json()["access_token"]


@schemathesis.auth()
class DemoUser:
    """Signs the caller in, and again whenever a call has ended the session."""

    def get(self, case, context):
        return sign_in()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes three in four ids those of existing things, and every second gift one to a user in the room."""
    things = {"/v1/rooms/{id}": ROOM, "/v1/users/{id}": OTHER}
    for beginning, thing in things.items():
        value = (case.path_parameters or {}).get("id")
        is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53
        if case.path.startswith(beginning) and is_id and CHANCE.random() < 0.75:
            case.path_parameters["id"] = thing
    body = case.body
    # A request that is to be wrong stays wrong.
    is_wrong = case.meta is not None and case.meta.generation.mode.name == "NEGATIVE"
    if not is_wrong and case.path.endswith("/gifts") and isinstance(body, dict) and {"gift", "to"} <= body.keys() and CHANCE.random() < 0.5:
        case.body = body | {"gift": 1, "to": {"users": [OTHER]}}


@schemathesis.hook
def after_call(context, case, response):
    is_described = case.method.lower() in context.operation.schema.raw_schema["paths"][case.path]
    TALLY[f"{case.method} {case.path} {response.status_code}" if is_described else ""] += 1


@atexit.register
def write_tally():
    with open(os.environ["PARLOR_TALLY"], "w") as file:
        json.dump(TALLY, file)
