"""Where a remote may lead us, as tables."""

import pytest

from sync.outbound.hosts import page_path, redirect_target

DRCHRONO = "https://app.drchrono.com"
ONCALL = "https://api.oncallhealth.ca/"


@pytest.mark.parametrize(
    ("link", "base", "path"),
    [
        (
            "https://app.drchrono.com/api/appointments?cursor=cD0y%3D&doctor=1",
            DRCHRONO,
            "/api/appointments?cursor=cD0y%3D&doctor=1",
        ),
        ("https://app.drchrono.com:443/api/patients", DRCHRONO, "/api/patients"),
        ("https://APP.drchrono.com/api/patients?page=2", DRCHRONO, "/api/patients?page=2"),
        ("/api/patients?page=2", DRCHRONO, "/api/patients?page=2"),
        ("https://api.oncallhealth.ca/contacts/?page=2", ONCALL, "/contacts/?page=2"),
        (
            "http://127.0.0.1:8001/oncall/contacts/?page=2",
            "http://127.0.0.1:8001/oncall/",
            "/contacts/?page=2",
        ),
        ("http://app.drchrono.com/api/patients", DRCHRONO, None),
        ("https://app.drchrono.com:8443/api/patients", DRCHRONO, None),
        ("https://drchrono.com/api/patients", DRCHRONO, None),
        ("https://app.drchrono.com.evil.example/api/patients", DRCHRONO, None),
        ("https://app.drchrono.com@evil.example/api/patients", DRCHRONO, None),
        ("https://user@app.drchrono.com/api/patients", DRCHRONO, None),
        ("https://app.drchrono.com\\@evil.example/api", DRCHRONO, None),
        ("//evil.example/api/patients", DRCHRONO, None),
        ("http://[bad", DRCHRONO, None),
        ("ftp://app.drchrono.com/api", DRCHRONO, None),
        ("https://app.drchrono.com:99999/api", DRCHRONO, None),
        ("https://app.drchrono.com/api\n/x", DRCHRONO, None),
        ("https://api.oncallhealth.com/contacts/?page=2", ONCALL, None),
        ("http://127.0.0.1:8002/oncall/x", "http://127.0.0.1:8001/oncall", None),
        ("http://127.0.0.1:8001/other/x", "http://127.0.0.1:8001/oncall", None),
    ],
)
def test_next_links_stay_on_the_configured_server(link, base, path):
    assert page_path(link, base) == path


CALLED = "https://app.drchrono.com/api/users/current"


@pytest.mark.parametrize(
    ("called", "location", "base", "target"),
    [
        (CALLED, "/api/users/7", DRCHRONO, "https://app.drchrono.com/api/users/7"),
        (
            CALLED,
            "7?verbose=true#top",
            DRCHRONO,
            "https://app.drchrono.com/api/users/7?verbose=true",
        ),
        (CALLED, "https://www.drchrono.com/x", DRCHRONO, "https://www.drchrono.com/x"),
        (CALLED, "https://drchrono.com/x", DRCHRONO, "https://drchrono.com/x"),
        (
            "https://drchrono.com/x",
            "https://app.drchrono.com/x",
            "https://drchrono.com",
            "https://app.drchrono.com/x",
        ),
        (
            "http://drchrono.com/x",
            "https://drchrono.com/x",
            "http://drchrono.com",
            "https://drchrono.com/x",
        ),
        # Never from https down to http.
        (CALLED, "http://app.drchrono.com/x", DRCHRONO, None),
        ("https://app.drchrono.com/x", "http://app.drchrono.com/x", "http://drchrono.com", None),
        # Another domain, however much it looks alike.
        (CALLED, "https://evil.example/x", DRCHRONO, None),
        (CALLED, "//evil.example/x", DRCHRONO, None),
        (CALLED, "https://evildrchrono.com/x", DRCHRONO, None),
        (CALLED, "https://drchrono.com.evil.example/x", DRCHRONO, None),
        (CALLED, "https://app.drchrono.com@evil.example/", DRCHRONO, None),
        (CALLED, "https://drchrono.ca/x", DRCHRONO, None),
        (CALLED, "https://evil.example\\.drchrono.com/x", DRCHRONO, None),
        (CALLED, "https://app.drchrono.com:8443/x", DRCHRONO, None),
        (CALLED, "", DRCHRONO, None),
        (CALLED, "https://[bad", DRCHRONO, None),
        (CALLED, "/a b", DRCHRONO, None),
        (CALLED, "javascript:alert(1)", DRCHRONO, None),
        # Suffixes under which strangers register: the same host only.
        ("https://a.co.uk/x", "https://b.co.uk/x", "https://a.co.uk", None),
        ("https://x.clinic.co.uk/x", "https://y.clinic.co.uk/x", "https://x.clinic.co.uk", None),
        (
            "https://a.clinic.co.uk/x",
            "https://a.clinic.co.uk/y",
            "https://a.clinic.co.uk",
            "https://a.clinic.co.uk/y",
        ),
        ("https://a.herokuapp.com/x", "https://b.herokuapp.com/x", "https://a.herokuapp.com", None),
        # Addresses are no domains; loopback is one where the configured base is loopback.
        ("https://10.0.0.1/x", "https://10.0.0.2/x", "https://10.0.0.1", None),
        ("https://10.1.0.2/x", "https://10.9.0.2/x", "https://10.1.0.2", None),
        ("https://10.0.0.1/x", "https://10.0.0.1/y", "https://10.0.0.1", "https://10.0.0.1/y"),
        (
            "http://127.0.0.1:81/x",
            "http://localhost:82/y",
            "http://127.0.0.1:81",
            "http://localhost:82/y",
        ),
        ("http://localhost:81/x", "http://[::1]:82/y", "http://localhost:81", "http://[::1]:82/y"),
        ("http://127.0.0.1:81/x", "http://10.0.0.1/y", "http://127.0.0.1:81", None),
        (CALLED, "https://localhost/x", DRCHRONO, None),
        (CALLED, "https://127.0.0.1/x", DRCHRONO, None),
    ],
)
def test_redirects_stay_within_the_configured_domain(called, location, base, target):
    assert redirect_target(called, location, base) == target
