"""Answer as the floor of the door: a bare route, the secret, one push to Redis.

gunicorn -c python:bench.floor_conf bench.floor:app
"""

import hmac
import os

import redis
from flask import Flask, Response, request

app = Flask(__name__)
_REDIS = redis.Redis.from_url(os.environ["FLOOR_REDIS_URL"])
_SECRET = os.environ["FLOOR_SECRET"]


@app.post("/webhooks/drchrono")
def taken() -> Response:
    """Take a webhook: nothing of it is kept."""
    if not hmac.compare_digest(request.headers.get("X-drchrono-signature", ""), _SECRET):
        return Response(status=401)
    _REDIS.rpush("floor", request.get_data())
    return Response(status=204)
