"""Name the endpoints of both APIs, as the error table and the gate tell them apart."""

# Endpoints whose path names one object: a 404 there says that the object is gone.
ITEMS = frozenset(
    {
        "appointment",
        "contact",
        "doctor",
        "participant",
        "patient",
        "provider",
        "user",
    }
)
TOKEN = "token"  # noqa: S105 - the endpoint's name
REVOKE = "revoke_token"
BULK = "bulk"
# Its answer is a bare array of appointments (D44).
INSTANCES = "recurring_instances"
# Whether our pages are framed in DrChrono's: switched on or off for the token's doctor (D71).
IFRAME = "iframe_integration"
# POSTs that may be repeated: a bulk POST only asks for a list, a revoked token stays revoked, what
# is switched on stays on.
REPEATABLE = frozenset({BULK, REVOKE, IFRAME})
# DrChrono asks to send the same request, with its method, to the new address (docs/api-facts.md,
# D5). With these nothing was done yet; after a 303 a write was done (RFC 9110, 15.4.4).
REDIRECTS = frozenset({301, 302, 307, 308})
READ_ON = REDIRECTS | {303}


def is_write(endpoint: str, method: str) -> bool:
    """Whether doing this call twice could do something twice."""
    return method.upper() not in {"GET", "HEAD"} and endpoint not in REPEATABLE
