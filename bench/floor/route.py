"""Answer as the floor of the door: a bare route, the secret, one push to Redis.

gunicorn -c python:bench.floor.conf bench.floor.route:app
"""

import hmac
import os

import redis
from flask import Flask, Response, request

app = Flask(__name__)
_REDIS = redis.Redis.from_url(os.environ["FLOOR_REDIS_URL"])
_SECRET = os.environ["FLOOR_SECRET"]
_BASIC = os.environ["FLOOR_BASIC"]


@app.post("/webhooks/drchrono")
def drchrono() -> Response:
    """Take a webhook of DrChrono's: nothing of it is kept."""
    return _taken(request.headers.get("X-drchrono-signature", ""), _SECRET)


@app.post("/webhooks/oncall")
def oncall() -> Response:
    """Take a hint of OnCall's."""
    return _taken(request.headers.get("Authorization", ""), _BASIC)


def _taken(given: str, wanted: str) -> Response:
    if not hmac.compare_digest(given, wanted):
        return Response(status=401)
    _REDIS.rpush("floor", request.get_data())
    return Response(status=204)
