"""Say what is wrong in a line of a file, and what to do about it. Pure data."""

from typing import Final

# What is wrong with a line as a whole.
_LINES: Final = {
    "few_cells": "Correct the line: it has fewer cells than the file has columns.",
    "many_cells": "Correct the line: it has more cells than the file has columns.",
    "quotes": "Correct the line: its quotation marks don't pair up.",
    "header_again": "Take the line out: it holds the names of the columns once more.",
    "formula": "Write the value itself: the cell holds a formula.",
}

_PEOPLE: Final = {
    "name_missing": "Write the name: the cell is empty.",
    "name_is_email": "Write the name here: the cell holds an e-mail address.",
    "name_unsure": "Write first and last name into columns of their own, or “Last, First”.",
    "name_invalid": "Write the person's name: the cell holds none.",
    "email_missing": "Write the e-mail address: nobody can be invited without one.",
    "email_placeholder": "Write the person's own address: this one stands for having none.",
    "email_several": "Write one e-mail address: the cell holds several.",
    "email_is_name": "Write the e-mail address: the cell holds a name or other words.",
    "email_invalid": "Correct the e-mail address: mail can't be sent to it.",
    "phone_unreadable": "Correct the phone number, or empty the cell: it can't be read as one.",
    "birth_date_unreadable": "Correct the date of birth: it is no date of this column's form.",
    "birth_date_with_time": "Write the date of birth without a time.",
    "birth_date_impossible": "Correct the date of birth: nobody can be born then.",
    "sex_unknown": "Write male, female, other or unknown.",
    "patient_id_unreadable": "Write DrChrono's number of the patient, or empty the cell.",
    "patient_id_too_long": "Shorten the patient's id to 100 letters.",
    "record_too_long": "Shorten the patient's reference to 100 letters.",
}

_PLACES: Final = {
    "provider_missing": "Add a column that names the provider of each visit.",
    "provider_unknown": "Correct the provider: neither system knows one of that name or id.",
    "provider_ambiguous": "Write the provider's id: the name fits several.",
    "provider_unmapped": "Add the provider to the mapping, or name another.",
    "provider_needed": "Name the provider: the division has several.",
    "provider_not_in_division": "Correct provider or division: the mapping has no such pair.",
    "division_needed": "Name the division: the provider works in several.",
    "division_unknown": "Correct the division: OnCall Health has none of that name or id.",
    "division_ambiguous": "Write the division's id: the name fits several.",
}

_VISITS: Final = {
    "date_missing": "Write the date of the visit.",
    "date_unreadable": "Correct the date: it is none of this column's form.",
    "date_with_time": "Write the time into its own column, or choose this one as the start.",
    "time_missing": "Write the time at which the visit begins.",
    "time_unreadable": "Correct the time: write it as 14:30 or 2:30 PM.",
    "time_unsure": "Write AM or PM, or 24 hours with two digits: 02:30 or 14:30.",
    "time_skipped": "Correct the time: the clock skips it on that day.",
    "zone_unknown": "Write the time zone's name, such as America/Toronto.",
    "length_unreadable": "Write the length in minutes, from 1 to 1440.",
    "type_unknown": "Write online, in person or phone.",
    "visit_over": "Leave the line out: the visit is over or cancelled.",
    "status_unknown": "Correct the status, or don't choose its column: nobody knows the word.",
    "reference_too_long": "Shorten the visit's reference to 100 letters.",
}

# A line that stands for an earlier line of its file: what becomes of that becomes of it.
SAME_LINE: Final = "same_line"

# Why no visit is made of a line that says all it must.
_FATES: Final = {
    "visit_past": "Leave the line out: the visit begins in the past.",
    "visit_far": "Bring the line in later: the visit is beyond the days that are kept alike.",
    "length_missing": "Add a column of lengths: nothing says how long the visit is.",
    "profile_unmapped": "Name in the mapping with which profile such visits are booked.",
    SAME_LINE: "Nothing to do: an earlier line of the file says the same.",
    "same_line_differs": "Take one line out: another tells of the same, and says otherwise.",
    "no_chart": "Make the patient's chart first, or let the mapping make new patients.",
    "visit_in_making": "Bring the line in again later: another file's visit is being made.",
    "visit_unsure": "Say whether it is this one: a visit like it stands at that time.",
    "patient_without_email": "Write the patient's e-mail address into the chart or the file.",
    "patient_email_unclear": "Correct the patient's e-mail address in the chart or the file.",
    "patient_without_name": "Write the patient's name into the chart or the file.",
}

ROWS: Final = {**_LINES, **_PEOPLE, **_PLACES, **_VISITS, **_FATES}
