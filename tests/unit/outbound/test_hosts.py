"""Follow a remote only to its own hosts, as tables."""

import pytest

from sync.outbound.hosts import Base, page_path, redirect_target

DRCHRONO = Base("drchrono", "https://app.drchrono.com")
ONCALL = Base("oncall", "https://api.oncallhealth.ca/")
HERE = Base("drchrono", "http://127.0.0.1:8001/oncall/")
PATIENTS, CONTACTS = "/api/patients", "/contacts/"


@pytest.mark.parametrize(
    ("link", "base", "path", "found"),
    [
        (
            "https://app.drchrono.com/api/appointments?cursor=cD0y%3D&doctor=1",
            DRCHRONO,
            "/api/appointments?since=x",
            "/api/appointments?cursor=cD0y%3D&doctor=1",
        ),
        ("https://app.drchrono.com:443/api/patients", DRCHRONO, PATIENTS, PATIENTS),
        ("https://APP.drchrono.com/api/patients?page=2", DRCHRONO, PATIENTS, "?page=2"),
        ("/api/patients?page=2", DRCHRONO, PATIENTS, "?page=2"),
        ("?page=2", DRCHRONO, PATIENTS, "?page=2"),
        # Whatever scheme, port or host of its own it names: asked at the configured base.
        ("http://app.drchrono.com/api/patients?cursor=cD0y", DRCHRONO, PATIENTS, "?cursor=cD0y"),
        ("https://app.drchrono.com:8443/api/patients?page=2", DRCHRONO, PATIENTS, "?page=2"),
        ("https://drchrono.com/api/patients?page=2", DRCHRONO, PATIENTS, "?page=2"),
        ("http://www.drchrono.com/api/patients/?page=2", DRCHRONO, PATIENTS, "?page=2"),
        ("https://api.oncallhealth.ca/contacts/?page=2", ONCALL, CONTACTS, "?page=2"),
        ("http://api.oncallhealth.ca/contacts/?page=2", ONCALL, CONTACTS, "?page=2"),
        ("https://api.oncallhealth.com/contacts/?page=2", ONCALL, CONTACTS, "?page=2"),
        ("https://api.oncallhealth.com/contacts?page=2", ONCALL, CONTACTS, "?page=2"),
        ("http://127.0.0.1:8001/oncall/contacts/?page=2", HERE, CONTACTS, "?page=2"),
        ("http://127.0.0.1/contacts/?page=2", HERE, CONTACTS, "?page=2"),
        ("http://localhost:1/oncall/contacts/?page=2", HERE, CONTACTS, "?page=2"),
        (
            "http://internal:8000/contacts/?page=2",
            Base("oncall", "https://api.oncallhealth.ca", ("http://internal:8000",)),
            CONTACTS,
            "?page=2",
        ),
        # A stranger's, or another list's.
        ("https://evil.example/api/patients?page=2", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com.evil.example/api/patients", DRCHRONO, PATIENTS, None),
        ("https://xdrchrono.com/api/patients", DRCHRONO, PATIENTS, None),
        ("https://evil.drchrono.com/api/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com@evil.example/api/patients", DRCHRONO, PATIENTS, None),
        ("https://user@app.drchrono.com/api/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com\\@evil.example/api", DRCHRONO, PATIENTS, None),
        ("//evil.example/api/patients", DRCHRONO, PATIENTS, None),
        ("http://[bad", DRCHRONO, PATIENTS, None),
        ("ftp://app.drchrono.com/api/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com:99999/api/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com/api\n/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com/api/doctors?page=2", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com/accounts/login/?next=/api/patients", DRCHRONO, PATIENTS, None),
        ("https://app.drchrono.com/api/patients/7?page=2", DRCHRONO, PATIENTS, None),
        ("https://api.oncallhealth.com/contacts/?page=2", DRCHRONO, CONTACTS, None),
        ("https://drchrono.com/contacts/?page=2", ONCALL, CONTACTS, None),
        ("http://127.0.0.1:8001/other/contacts/", HERE, CONTACTS, None),
        ("http://10.0.0.1:8001/oncall/contacts/", HERE, CONTACTS, None),
    ],
)
def test_next_links_are_read_as_a_place_in_the_list_that_was_asked_for(link, base, path, found):
    expected = path.partition("?")[0] + found if found and found.startswith("?") else found
    assert page_path(link, base, path) == expected


USER = "https://app.drchrono.com/api/users/current"
ITEM = "https://app.drchrono.com/api/appointments/7"
OTHER = Base("drchrono", "https://app.drchrono.com", ("https://eu.drchrono.example",))


@pytest.mark.parametrize(
    ("called", "location", "base", "read", "written"),
    [
        (USER, "/api/users/7", DRCHRONO, "https://app.drchrono.com/api/users/7", None),
        (USER, "7?v=1#top", DRCHRONO, "https://app.drchrono.com/api/users/7?v=1", None),
        # DrChrono's own two names, each other's.
        (ITEM, "https://drchrono.com/api/appointments/7", DRCHRONO, "=", "="),
        (
            "https://drchrono.com/api/appointments/7",
            ITEM,
            Base("drchrono", "https://drchrono.com"),
            "=",
            "=",
        ),
        (ITEM, "https://eu.drchrono.example/api/appointments/7", OTHER, "=", "="),
        # A write to the same path only.
        (ITEM, "https://drchrono.com/api/appointments/8", DRCHRONO, "=", None),
        (ITEM, "/api/appointments/7/", DRCHRONO, ITEM + "/", None),
        # Exactly these origins: no other name under the domain, port or scheme.
        (ITEM, "https://www.drchrono.com/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "https://evil.drchrono.com/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "https://app.drchrono.com:8443/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "http://app.drchrono.com/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "https://evil.example/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "//evil.example/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "https://evildrchrono.com/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "https://app.drchrono.com@evil.example/api/", DRCHRONO, None, None),
        (ITEM, "https://evil.example\\.drchrono.com/api/", DRCHRONO, None, None),
        # Nothing but the API: no page where people sign in.
        (ITEM, "/accounts/login/?next=/api/appointments/7", DRCHRONO, None, None),
        (ITEM, "/api/../accounts/login/", DRCHRONO, None, None),
        (ITEM, "/api/%2e%2e/accounts/login/", DRCHRONO, None, None),
        (ITEM, "/apiary", DRCHRONO, None, None),
        (ITEM, "", DRCHRONO, None, None),
        (ITEM, "https://[bad", DRCHRONO, None, None),
        (ITEM, "/a b", DRCHRONO, None, None),
        (ITEM, "javascript:alert(1)", DRCHRONO, None, None),
        (
            "http://127.0.0.1:81/api/x",
            "http://localhost:81/api/x",
            Base("drchrono", "http://127.0.0.1:81"),
            None,
            None,
        ),
        # OnCall's are never followed.
        (
            "https://api.oncallhealth.ca/contacts/7/",
            "https://api.oncallhealth.ca/contacts/7/",
            ONCALL,
            None,
            None,
        ),
    ],
)
def test_redirects_are_followed_within_the_api_of_the_configured_origins(
    called, location, base, read, written
):
    for writes, target in ((False, read), (True, written)):
        expected = location if target == "=" else target
        assert redirect_target(called, location, base, writes=writes) == expected


def test_a_token_s_redirect_is_never_followed():
    url = "https://app.drchrono.com/o/token/"
    assert redirect_target(url, url, DRCHRONO, writes=True, follows=False) is None


def test_never_down_to_http():
    base = Base("drchrono", "https://app.drchrono.com", ("http://app.drchrono.com",))
    assert redirect_target(ITEM, ITEM.replace("https", "http"), base, writes=False) is None
