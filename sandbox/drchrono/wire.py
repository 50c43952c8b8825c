"""Show DrChrono's objects with the keys that an answer or a webhook has."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.answers import Json
    from sandbox.trouble.behaviours import Behaviours

# Shown with verbose=true only (docs/api-facts.md, D30).
APPOINTMENT_VERBOSE = (
    "clinical_note",
    "custom_fields",
    "custom_vitals",
    "extended_updated_at",
    "reminders",
    "status_transitions",
    "vitals",
)
# As the reference says of /api/patients (API v4, "verbose"; D46).
PATIENT_VERBOSE = (
    "auto_accident_insurance",
    "primary_insurance",
    "secondary_insurance",
    "tertiary_insurance",
    "custom_demographics",
    "patient_flags",
    "patient_flags_attached",
    "referring_doctor",
    "workers_comp_insurance",
)
# APPOINTMENT_DELETE comes without these (D62).
DELETE_LACKS = ("doctor", "office", "patient")


def blank_appointment() -> Json:
    """Every key of the schema's Appointment but the write-only reminder_profile."""
    texts = (
        "color",
        "reason",
        "notes",
        "status",
        "custom_status",
        "billing_status",
        "payment_profile",
        "ins1_status",
        "ins2_status",
        "primary_insurer_payer_id",
        "primary_insurer_name",
        "primary_insurance_id_number",
        "secondary_insurer_payer_id",
        "secondary_insurer_name",
        "secondary_insurance_id_number",
        "created_by",
    )
    nulls = (
        "profile",
        "base_recurring_appointment",
        "billing_provider",
        "cloned_from",
        "first_billed_date",
        "last_billed_date",
        "first_edi_date",
        "last_edi_date",
        "supervising_provider",
        "resubmit_claim_original_id",
        "recur_start_date",
        "recur_end_date",
        "recurs_every",
        "recurrence_instance_key",
    )
    lists = (
        "billing_notes",
        "icd9_codes",
        "icd10_codes",
        "recurring_days",
        "custom_fields",
        "custom_vitals",
        "reminders",
        "status_transitions",
    )
    flags = (
        "allow_overlapping",
        "appt_is_break",
        "deleted_flag",
        "is_walk_in",
        "is_virtual_base",
        "recurring_appointment",
    )
    return {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(nulls),
        **{name: [] for name in lists},
        **dict.fromkeys(flags, False),
        "clinical_note": {"locked": False, "pdf": None, "updated_at": None},
        "vitals": {"height": None, "weight": None, "pulse": None, "temperature": None},
    }


def blank_patient() -> Json:
    """Every key of the schema's Patient; unset strings are "" (D47)."""
    texts = (
        *("first_name", "middle_name", "last_name", "nick_name", "email", "chart_id"),
        *("home_phone", "cell_phone", "office_phone", "address", "city", "state", "zip_code"),
        *("social_security_number", "employer", "employer_address", "employer_city"),
        *("employer_state", "employer_zip_code", "emergency_contact_name"),
        *("emergency_contact_phone", "emergency_contact_relation", "responsible_party_name"),
        *("responsible_party_relation", "responsible_party_phone", "responsible_party_email"),
        *("primary_care_physician", "referring_source", "default_pharmacy", "copay"),
        *("patient_payment_profile", "pronouns", "medication_history_consent"),
        *("gender_identity_code", "gender_identity_description"),
        *("preferred_language_code", "preferred_language_description"),
    )
    nulls = (
        "date_of_birth",
        "date_of_death",
        "date_of_first_appointment",
        "date_of_last_appointment",
        "patient_photo",
        "patient_photo_date",
    )
    lists = (
        "offices",
        "race_subcategories",
        "preferred_pharmacies",
        "custom_demographics",
        "patient_flags",
        "patient_flags_attached",
    )
    objects = [key for key in PATIENT_VERBOSE if key not in lists]
    return {
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(nulls),
        **{name: [] for name in lists},
        **{name: {} for name in objects},
        "disable_sms_messages": False,
        "ethnicity": "blank",
        "race": "blank",
        "preferred_language": "blank",
        "patient_status": "A",
    }


def appointment(row: Json, behaviours: Behaviours, *, verbose: bool) -> Json:
    """An appointment as an answer or a webhook shows it."""
    hidden = () if verbose else APPOINTMENT_VERBOSE
    shown = {k: v for k, v in row.items() if k not in hidden and not k.startswith("_")}
    if not behaviours.on("instance_key"):
        # Behind a feature flag (D42).
        del shown["recurrence_instance_key"]
    if behaviours.on("is_telehealth"):
        # Undocumented boolean that some accounts return (D39).
        shown["is_telehealth"] = bool(row.get("_telehealth"))
    return shown


def patient(row: Json, *, verbose: bool) -> Json:
    """A patient as an answer shows it."""
    hidden = () if verbose else PATIENT_VERBOSE
    return {k: v for k, v in row.items() if k not in hidden}


def hook_patient(row: Json) -> Json:
    """A patient in a webhook carries custom_demographics (D61)."""
    return {**patient(row, verbose=False), "custom_demographics": row["custom_demographics"]}


def hook_deleted(row: Json, behaviours: Behaviours) -> Json:
    """An appointment in APPOINTMENT_DELETE."""
    shown = appointment(row, behaviours, verbose=False)
    return {key: value for key, value in shown.items() if key not in DELETE_LACKS}


def phone(text: str) -> str | None:
    """Write a phone as "(999) 999-9999" (D47): "" for none, None when it is no US number."""
    digits = re.sub(r"\D", "", text)
    if len(digits) == 11 and digits.startswith("1"):
        digits = digits[1:]
    if not digits and not text.strip():
        return ""
    if len(digits) != 10:
        return None
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


def chart_id(first: str, last: str, serial: int) -> str:
    """Four letters and six digits, made from the names where no `chart_id` was given (D47)."""
    letters = [_letters(last), _letters(first)]
    return "".join(part[:2].ljust(2, "X") for part in letters) + f"{serial:06d}"[-6:]


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z]", "", plain).upper()
