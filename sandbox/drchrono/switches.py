"""List the switches of DrChrono's unknowns with their defaults (docs/api-facts.md, "unknown")."""

from sandbox import links
from sandbox.trouble.behaviours import OFF, ON, Switch, either, number

SWITCHES: dict[str, Switch] = {
    # After DELETE a GET may be 404 or 200 with deleted_flag (D34).
    "delete_get": either("404", "flagged"),
    # Whether PATCH merges or replaces these lists (D31, D46).
    "custom_fields_patch": either("merge", "replace"),
    "custom_demographics_patch": either("merge", "replace"),
    "redelivery_keeps_id": ON,
    # The schema says data, every client reads results (D6).
    "envelope": either("results", "data"),
    "bulk_lists": ON,
    "bulk_order_by": ON,
    "bulk_page_limit": number(1000),
    # How many GETs answer "In progress" first.
    "bulk_polls": number(1),
    "page_size": number(20),
    # How `next` and `previous` are written.
    "links": links.FORMS,
    "verbose_page_size": number(25),
    "paging": either("cursor", "page"),
    "list_lag_seconds": number(0),
    "is_telehealth": OFF,
    "duplicate_patient": either("off", "400", "409"),
    "practice_group_id": ON,
    "missing_scope": either("403", "empty"),
    "hourly_limit": number(500),
    "burst_limit": number(10, null=True),
    # The answer's expires_in: 48 hours (D17).
    "access_seconds": number(172800),
    "retry_after_header": OFF,
    # Who sits at the browser when Allow is pressed: a user of the practice, one of it without
    # rights on the calendar, or one of another practice (accounts).
    "login": either("owner", "weak", "stranger"),
    # Whether a renewal, or a new authorisation by the same user, ends the earlier access token
    # too (D19).
    "renewal_ends_access": OFF,
    # Whether PKCE (RFC 7636) is accepted, ignored or refused (D22).
    "pkce": either("accepted", "ignored", "refused_at_start", "refused_at_token"),
    # Without it only the user's own doctor is shown (D8).
    "share_patients": ON,
    "echo_delay_seconds": number(0),
    # Which texts are taken for an e-mail address (D52).
    "checks_email": ON,
    # Zero-width spaces, direction marks and the like in names and addresses.
    "invisible": either("keep", "strip", "refuse"),
    "email_filter": ON,
    "patients_show_inactive": ON,
    "ping_signed": ON,
    "instance_key": ON,
    # A list of a series' occurrences, which not every account has (D44).
    "recurring_instances": ON,
    # Whether a PATCH that leaves time and room alone is checked for overlap too (D35).
    "overlap_on_any_patch": OFF,
    # Whether the framed pages were approved (D71).
    "iframe": either("approved", "waiting"),
    # Keys of a written body whose value is refused, as in `sandbox.trouble.refusing`.
    "refuses": Switch(default=""),
}
