"""Write a list's links to its other pages, in the forms that frameworks and proxies give them."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.trouble.behaviours import Switch, either

# Django REST framework writes an absolute link from what the request looks like to it. Behind a
# proxy that ends TLS that is `http://`, or lacks the port; OnCall's samples name `.com`, DrChrono's
# the bare name (docs/api-facts.md, D1, O5).
FORMS: Switch = either("same", "http_no_port", "other_host", "path", "query", "foreign")
FOREIGN = "https://evil.example"


def written(form: str, url: str, other_host: str) -> str:
    """A link to `url` (absolute) in the form that is switched on."""
    parts = urlsplit(url)
    rest = f"{parts.path}?{parts.query}"
    return {
        "same": url,
        "http_no_port": f"http://{parts.hostname}{rest}",
        "other_host": f"{other_host}{rest}",
        "path": rest,
        "query": f"?{parts.query}",
        "foreign": FOREIGN + rest,
    }[form]
