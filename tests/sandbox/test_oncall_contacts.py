"""Serve OnCall's roster contacts: one rule of docs/api-facts.md a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.test_oncall_appointments import invite

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller
    from tests.support.sandbox_client import Sandbox

NEW: dict[str, Any] = {
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane.doe@mail.example",
    "division": "https://api.oncallhealth.ca/divisions/2404/",
    "provider": "https://api.oncallhealth.ca/providers/196157/",
}


def add(oc: Caller, **changes: Any) -> Any:
    answer = oc("POST", "/contacts/", {**NEW, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_contact_as_in_the_guide_whose_id_is_not_the_one_in_its_url(oc: Caller) -> None:
    row = add(oc, custom_field_values={"2": "Mx978A"})
    assert set(row) == {
        *("id", "division", "provider", "url", "name", "first_name", "last_name", "email"),
        *("phone", "notes", "sex", "date_of_birth", "appointments"),
        *("custom_field_names", "custom_field_values"),
    }
    assert row["name"] == "Jane Doe"
    assert (row["sex"], row["phone"], row["date_of_birth"]) == ("Unknown", None, None)
    assert row["custom_field_names"] == {"2": "EMR id", "6": "Has submitted forms?"}
    assert row["custom_field_values"] == {"2": "Mx978A"}
    assert f"/contacts/{row['id']}/" not in row["url"]
    assert oc("GET", row["url"]).json() == row
    assert oc("GET", f"/contacts/{row['id']}/").status_code == 404


@pytest.mark.parametrize("field", ["provider", "division"])
def test_provider_and_division_are_mandatory(oc: Caller, field: str) -> None:
    body = {key: value for key, value in NEW.items() if key != field}
    answer = oc("POST", "/contacts/", body)
    assert (answer.status_code, answer.json()) == (400, {field: ["This field is required."]})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sex": "Female"}, "sex"),
        ({"email": "nobody"}, "email"),
        ({"date_of_birth": "1980"}, "date_of_birth"),
        ({"custom_field_values": {"99": "x"}}, "custom_field_values"),
        ({"first_name": "", "last_name": ""}, "name"),
    ],
)
def test_what_is_refused_with_400(oc: Caller, changes: dict[str, Any], field: str) -> None:
    answer = oc("POST", "/contacts/", {**NEW, **changes})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_the_older_name_of_custom_field_values(oc: Caller) -> None:
    assert add(oc, custom_fields={"2": "A1"})["custom_field_values"] == {"2": "A1"}


@pytest.mark.parametrize(
    ("behaviour", "left"), [("merge", {"2": "A", "6": True}), ("replace", {"6": True})]
)
def test_custom_field_values_are_merged_or_replaced(
    sandbox: Sandbox, oc: Caller, behaviour: str, left: dict[str, Any]
) -> None:
    sandbox.behaviours("oncall", custom_field_values_patch=behaviour)
    row = add(oc, custom_field_values={"2": "A"})
    after = oc("PATCH", row["url"], {"custom_field_values": {"6": True}}).json()
    assert after["custom_field_values"] == left


@pytest.mark.parametrize(("editable", "status"), [(True, 200), (False, 400)])
def test_the_email_may_not_be_editable(
    sandbox: Sandbox, oc: Caller, *, editable: bool, status: int
) -> None:
    sandbox.behaviours("oncall", contact_email_editable=editable)
    row = add(oc)
    answer = oc("PATCH", row["url"], {"email": "new@mail.example"})
    assert answer.status_code == status
    assert ("email" in answer.json()) is True
    same = {"email": oc("GET", row["url"]).json()["email"], "notes": "x"}
    assert oc("PATCH", row["url"], same).status_code == 200


@pytest.mark.parametrize(
    ("behaviour", "status", "count"), [("honoured", 200, 1), ("ignored", 200, 13), ("400", 400, 0)]
)
def test_searching_by_email(
    sandbox: Sandbox, oc: Caller, behaviour: str, status: int, count: int
) -> None:
    sandbox.behaviours("oncall", contact_email_filter=behaviour)
    add(oc)
    answer = oc("GET", "/contacts/?email=Jane.Doe@mail.example")
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["count"] == count


def test_list_items_carry_the_guides_subset(sandbox: Sandbox, oc: Caller) -> None:
    listed = oc("GET", "/contacts/").json()
    assert listed["count"] == 12
    assert set(listed["results"][0]) == {
        *("url", "name", "email", "phone", "sex", "date_of_birth"),
        *("custom_field_names", "custom_field_values", "appointments"),
    }
    sandbox.behaviours("oncall", contacts_list_email=False)
    assert "email" not in oc("GET", "/contacts/").json()["results"][0]


def test_a_contacts_appointments(sandbox: Sandbox, oc: Caller) -> None:
    row = add(oc)
    assert oc("GET", row["appointments"]).json()["count"] == 0
    visit = invite(oc)
    invite(
        oc,
        division="/divisions/2405/",
        provider="/providers/196159/",
    )
    listed = oc("GET", row["appointments"]).json()
    assert [one["url"] for one in listed["results"]] == [visit["url"]]
    by_url = row["url"].removeprefix(sandbox.oncall_url)
    assert oc("GET", f"{by_url}appointments/").json() == listed


def test_one_patient_can_have_several_contacts(oc: Caller) -> None:
    assert add(oc)["url"] != add(oc)["url"]


def test_delete_is_405(oc: Caller) -> None:
    assert oc("DELETE", add(oc)["url"]).status_code == 405
