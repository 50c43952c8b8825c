"""Hold the spellings of headers: what each means, the best first. Pure data.

From the exports of DrChrono and of other health records, in English and in Canada's French. Each is
in the form of `headers.folded`: words without case, accents and punctuation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.core.batch.model import Kind
from sync.sheets.values.words import OTHERS

if TYPE_CHECKING:
    from collections.abc import Mapping

# Words that change nothing of what a header means.
_PATIENT: Final = ("patient", "patients", "client", "clients", "pt", "member", "pat", "demographic")
_VISIT: Final = ("appointment", "appt", "appointments", "visit", "booking", "scheduled", "schedule")

_PERSON: Final[Mapping[str, tuple[str, ...]]] = {
    "first_name": (
        *("first name", "firstname", "first", "given name", "givenname", "given", "given names"),
        *("fname", "f name", "name first", "forename", "legal first name", "first name legal"),
        *("prenom", "prenom patient", "name given"),
    ),
    "last_name": (
        *("last name", "lastname", "last", "surname", "family name", "familyname", "lname"),
        *("l name", "name last", "family", "legal last name", "last name legal", "name family"),
        *("nom de famille", "nom famille"),
    ),
    "full_name": (
        *("full name", "fullname", "name", "display name", "complete name", "legal name"),
        *("first and last name", "first last", "name first last", "first name last name"),
        *("nom complet", "prenom et nom", "prenom nom", "patient", "client", "member"),
    ),
    "full_name_reversed": (
        *("name last first", "last first", "last name first name", "last name first"),
        *("last and first name", "surname first name", "surname given name", "nom prenom"),
        *("nom et prenom", "full name last first", "name last name first name"),
        "surname forename",
    ),
    "email": (
        *("email", "e mail", "email address", "e mail address", "emailaddress", "mail"),
        *("primary email", "primary email address", "personal email", "home email", "email 1"),
        *("email primary", "email personal", "email home", "electronic mail", "courriel"),
        *("adresse courriel", "adresse electronique", "email id", "email1"),
    ),
    "birth_date": (
        *("date of birth", "dob", "birth date", "birthdate", "birthday", "birth day"),
        *("date birth", "born", "born on", "d o b", "dateofbirth", "birth dt", "date de naissance"),
        *("naissance", "ddn", "dob mm dd yyyy", "dob dd mm yyyy", "dob yyyy mm dd", "bdate"),
        *("date of birth mm dd yyyy", "date of birth dd mm yyyy", "date of birth yyyy mm dd"),
        *("birth date mm dd yyyy", "birth date dd mm yyyy", "birth date yyyy mm dd"),
    ),
    "patient_id": (
        *("drchrono patient id", "drchrono id", "drchrono patient", "dr chrono id"),
        *("dr chrono patient id", "drchrono patient number", "drchrono chart"),
    ),
    "record": (
        *("chart id", "chart number", "chart no", "chart", "chartid", "mrn", "medical record"),
        *("medical record number", "medical record no", "med rec number", "med rec", "record id"),
        *("medical record id", "health record number", "patient id", "patientid", "patient number"),
        *("patient no", "patient key", "id patient", "pid", "patient account number", "account no"),
        *("account number", "account id", "acct number", "acct no", "emr id", "ehr id", "record"),
        *("patient record number", "external id", "emr patient id", "client number"),
        *("client id", "number patient", "record number", "numero de dossier", "no dossier"),
        *("no de dossier", "dossier", "demographic no", "demographic number"),
    ),
    "provider": (
        *("provider", "provider name", "doctor", "doctor name", "physician", "physician name"),
        *("clinician", "clinician name", "practitioner", "practitioner name", "primary provider"),
        *("rendering provider", "rendering provider name", "primary doctor", "therapist"),
        *("primary physician", "provider full name", "attending provider", "attending", "dr"),
        *("scheduling provider", "visit provider", "staff", "staff name", "staff member"),
        *("treating provider", "provider email", "doctor email", "provider id", "doctor id"),
        *("assigned provider", "default provider", "usual provider", "clinician email", "mrp"),
        *("medecin", "fournisseur", "professionnel", "clinicien", "practitioner email", "resource"),
        *("assigned doctor", "provider url", "default doctor", "therapist name"),
    ),
    "division": (
        *("division", "division name", "location", "location name", "office", "office name"),
        *("clinic", "clinic name", "site", "site name", "facility", "facility name", "branch"),
        *("department", "department name", "practice location", "primary location", "place"),
        *(
            "service location",
            "division id",
            "default location",
            "primary office",
            "default office",
        ),
        *("emplacement", "lieu", "clinique", "succursale", "division url", "location id"),
    ),
}

_PATIENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **_PERSON,
    "mobile_phone": (
        *("mobile phone", "cell phone", "cellphone", "mobile", "cell", "mobile number"),
        *("cell number", "mobile phone number", "cell phone number", "phone mobile", "phone cell"),
        *("cellular", "cellular phone", "mobile no", "cell no", "telephone mobile", "cellulaire"),
        *("telephone cellulaire", "phone number mobile", "phone number cell", "mobilephone"),
        *("mobile telephone", "sms number", "text number"),
    ),
    "phone": (
        *("phone", "phone number", "telephone", "telephone number", "primary phone", "phone 1"),
        *("primary phone number", "tel", "phone no", "main phone", "best phone", "phone primary"),
        *("preferred phone", "phone1", "phonenumber", "day phone", "daytime phone", "ph", "tel no"),
        *("no de telephone", "numero de telephone"),
    ),
    "home_phone": (
        *("home phone", "home phone number", "phone home", "home telephone", "home number"),
        *("home", "homephone", "residence phone", "phone number home", "telephone home"),
        *("home tel", "telephone domicile", "telephone maison", "evening phone", "landline"),
    ),
    "sex": (
        *("sex", "gender", "legal sex", "sex at birth", "birth sex", "administrative sex"),
        *("gender sex", "sex gender", "sexe", "genre", "administrative gender", "gender at birth"),
        *("m f", "sex assigned at birth", "assigned sex at birth"),
    ),
}

_APPOINTMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **_PERSON,
    "start": (
        *("start date time", "start datetime", "date time", "datetime", "start", "date and time"),
        *("scheduled time", "scheduled datetime", "scheduled date time", "starts at", "start at"),
        *("starts", "date start time", "start time and date", "begin date time", "starttime utc"),
        *("start utc", "start time utc", "date heure", "date et heure", "start date and time"),
        *(
            "start timestamp",
            "scheduled start",
            "begins at",
            "appointment",
            "when",
            "time and date",
        ),
    ),
    "date": (
        *("date", "start date", "day", "date of service", "service date", "dos", "scheduled date"),
        *("apptdate", "appointmentdate", "startdate", "date of visit", "date of appointment"),
        *("encounter date", "date mm dd yyyy", "date dd mm yyyy", "date yyyy mm dd", "visitdate"),
        *("on date", "date du rendez vous", "date rdv", "jour"),
    ),
    "time": (
        *("time", "start time", "begin time", "starttime", "appttime", "appointmenttime", "at"),
        *("from", "from time", "time start", "scheduled start time", "time of visit", "hour"),
        *("time of appointment", "heure", "heure de debut", "heure rdv", "time of day"),
    ),
    "end_time": (
        *("end time", "endtime", "end", "finish time", "to time", "to", "until", "time end"),
        *("scheduled end time", "ends at", "end at", "finish", "heure de fin", "end date time"),
    ),
    "zone": (
        *("time zone", "timezone", "tz", "zone", "time zone name", "fuseau horaire", "fuseau"),
        *("clinic time zone", "doctor time zone", "provider time zone"),
    ),
    "minutes": (
        *("duration", "length", "minutes", "duration minutes", "duration min", "duration mins"),
        *("duration in minutes", "length minutes", "length min", "length in minutes", "mins"),
        *("min", "slot length", "time length", "duree", "duree minutes", "duration time"),
    ),
    "type": (
        *("visit type", "appointment type", "type", "appt type", "visit mode", "mode", "modality"),
        *("type of visit", "type of appointment", "visit method", "meeting type", "delivery"),
        *("service type", "encounter type", "visit kind", "kind of visit", "type de rendez vous"),
        *("appointment mode", "channel", "telehealth type", "mode de visite", "profile"),
        "appointment profile",
    ),
    "status": (
        *("status", "appointment status", "appt status", "visit status", "state", "statut"),
        *("booking status", "current status", "encounter status"),
    ),
    "reference": (
        *("appointment id", "appt id", "appointment number", "appt number", "visit id", "id"),
        *("visit number", "booking id", "encounter id", "encounter number", "appointmentid"),
        *("appt no", "appointment no", "appointment key", "event id", "schedule id", "apptid"),
        *("booking number", "drchrono appointment id", "external appointment id", "visit no"),
    ),
}

_ALL: Final = {Kind.IMPORT_PATIENTS: _PATIENTS, Kind.IMPORT_APPOINTMENTS: _APPOINTMENTS}
# What is another's name only in a file of the other kind.
_BARE_ID: Final = "id"


def meant(kind: Kind, header: str) -> tuple[str, int] | None:
    """The field that a folded header says, and how well: 0 is best. None: no field, or not surely.

    The spelling as it stands comes first, then the one without words such as "patient".
    """
    table = _RANKS[kind]
    if header in table:
        return table[header]
    words = header.split()
    if OTHERS.intersection(words):
        return None
    if kind is Kind.IMPORT_PATIENTS and header == _BARE_ID:
        return "record", _LAST
    for about in (_PATIENT, _VISIT) if kind is Kind.IMPORT_APPOINTMENTS else (_PATIENT,):
        rest = " ".join(word for word in words if word not in about)
        found = table.get(rest) if rest != header else None
        if found is not None and _fits(found[0], about, rest):
            # "Patient First Name" says better whose name it is than "First Name" does.
            return found[0], found[1] + (_PLAIN if about is _VISIT else _NAMED)
    return None


def _fits(field: str, about: tuple[str, ...], rest: str) -> bool:
    """Whether a field may be said with that word before it: "visit name" is nobody's name."""
    of_visit = field not in _PERSON or field in {"provider", "division"}
    if about is _VISIT:
        return of_visit and rest != _BARE_ID
    return not of_visit or field in _PATIENTS


_NAMED: Final = -1000
_PLAIN: Final = 0
_LAST: Final = 9000


def _ranks(table: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, int]]:
    return {
        spelling: (field, rank)
        for field, spellings in table.items()
        for rank, spelling in enumerate(spellings)
    }


_RANKS: Final = {kind: _ranks(table) for kind, table in _ALL.items()}
