"""Fetch what the operations pages load beside our own files, as `make vendor` does.

Each package of service/static/vendor/VENDOR.toml comes from the registry that npm is configured
for, and must have the integrity that is written there; only the files that are named are taken.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

PLACE = Path(__file__).resolve().parents[1] / "service/static/vendor"


def main() -> None:
    """Fetch all; ends with a message where something is not what it should be."""
    wanted = tomllib.loads((PLACE / "VENDOR.toml").read_text())["package"]
    with tempfile.TemporaryDirectory() as place:
        for package in wanted:
            archive = _packed(package["name"], package["version"], Path(place))
            found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if f"sha512-{found}" != package["integrity"]:
                sys.exit(f"{package['name']}: the integrity is not the one in VENDOR.toml")
            with tarfile.open(archive) as opened:
                for name, file in package["files"].items():
                    taken = opened.extractfile(f"package/{file['from']}")
                    if taken is None:
                        sys.exit(f"{package['name']}: {file['from']} is no file")
                    content = taken.read()
                    if hashlib.sha384(content).hexdigest() != file["sha384"]:
                        sys.exit(f"{name}: the hash is not the one in VENDOR.toml")
                    (PLACE / name).write_bytes(content)
            print(f"{package['name']} {package['version']}: {', '.join(package['files'])}")


def _packed(name: str, version: str, place: Path) -> Path:
    there = set(place.iterdir())
    subprocess.run(
        ["npm", "pack", "--silent", f"{name}@{version}"],  # noqa: S607 - the user's own npm
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = set(place.iterdir()) - there
    return archive


if __name__ == "__main__":
    main()
