"""List the switches of OnCall's unknowns with their defaults (docs/api-facts.md, "unknown")."""

from sandbox import links
from sandbox.trouble.behaviours import OFF, ON, Switch, either, number

SWITCHES: dict[str, Switch] = {
    # What must stand before the key in Authorization (O2).
    "key_prefix": Switch(default=""),
    # Whose key it is: the clinic's organisation, or another one of the same vendor.
    "key_of": either("clinic", "another"),
    # A coordinator's key must name the provider; another defaults to its own (O9).
    "key_role": either("coordinator", "provider"),
    # No sample shows these on an appointment (O11).
    "returns_id": OFF,
    "returns_provider": OFF,
    "returns_updated": OFF,
    "metadata_patch": either("merge", "replace"),
    "participants_patch": either("append", "replace"),
    "contact_email_filter": either("honoured", "ignored", "400"),
    "contact_email_editable": ON,
    "custom_field_values_patch": either("merge", "replace"),
    "contacts_list_email": ON,
    # Which texts are taken for an e-mail address (D52).
    "checks_email": ON,
    # Whether first and last name are made of a `name` that came alone (O27).
    "splits_name": ON,
    # Zero-width spaces, direction marks and the like in names and addresses.
    "invisible": either("keep", "strip", "refuse"),
    "order": either("oldest_first", "newest_first"),
    "page_size": number(20),
    # How `next` and `previous` are written.
    "links": links.FORMS,
    "list_lag_seconds": number(0),
    # How far behind the copy is that answers a read by id.
    "read_lag_seconds": number(0),
    "error_shape": either("field", "detail", "error", "list", "html"),
    "uncancel": OFF,
    "webhooks_for_api": ON,
    "one_digit_hour": OFF,
    "fractional_seconds": OFF,
    "status_on_list": ON,
    "provider_patch": ON,
    "cancel_all_participants_cancels_visit": OFF,
    # Whether a cancelled participant counts among the 25 (O10).
    "cancelled_count": OFF,
    # Whether `cancelled: true` alone turns the status into "… cancelled" (O16).
    "cancelled_sets_status": ON,
    "limit_per_minute": number(None, null=True),
    "no_slash": either("301", "404"),
    # Memberships as plain URLs, or as objects that hold one (O36).
    "memberships": either("urls", "objects"),
    # Keys of a written body whose value is refused, as in `sandbox.trouble.refusing`.
    "refuses": Switch(default=""),
}
