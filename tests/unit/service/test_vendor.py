"""What the operations pages load is what VENDOR.toml says, and all of it is from here."""

import hashlib
import re
import tomllib
from pathlib import Path

SERVICE = Path(__file__).resolve().parents[3] / "service"
PLACE = SERVICE / "static/vendor"
PACKAGES = tomllib.loads((PLACE / "VENDOR.toml").read_text())["package"]


def test_each_file_is_the_one_that_was_fetched() -> None:
    listed = {name: file["sha384"] for one in PACKAGES for name, file in one["files"].items()}
    there = {path.name for path in PLACE.iterdir()} - {"VENDOR.toml"}
    assert there == set(listed)
    found = {name: hashlib.sha384((PLACE / name).read_bytes()).hexdigest() for name in listed}
    assert found == listed


def test_each_package_is_named_with_its_licence() -> None:
    for one in PACKAGES:
        assert re.fullmatch(r"[a-z.-]+", one["name"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", one["version"])
        assert one["licence"] in {"MIT", "0BSD"}
        assert one["integrity"].startswith("sha512-")
        assert any(name.endswith("LICENSE") for name in one["files"])


def test_no_template_loads_from_elsewhere_or_holds_a_style_or_a_script() -> None:
    for path in (SERVICE / "templates/ops").rglob("*.html"):
        text = path.read_text()
        assert "://" not in text, path
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:|\|safe", text), path
        for tag in re.findall(r"<script[^>]*>", text):
            assert "nonce=" in tag, path
            assert "src=" in tag, path
