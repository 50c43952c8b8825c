"""Settings of gunicorn for the floor: its own threads, as many as the door has."""

import os

bind = [f"127.0.0.1:{os.environ['FLOOR_PORT']}"]
workers = 1
worker_class = "gthread"
threads = 16
keepalive = 5
accesslog = None
errorlog = os.devnull
control_socket_disable = True
