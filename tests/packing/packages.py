"""Packages of our own in a folder, as an index has them: wheels for pip and uv, archives for npm."""

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    tag: str = "py3-none-any",
    needs: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Write a wheel with one module; return the line that pins it with its hash."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {need}" for need in needs]
    if any("extra ==" in need for need in needs):
        metadata.append("Provides-Extra: more")
    content = {
        f"{name}/__init__.py": f"TAG = {tag!r}\n".encode(),
        f"{info}/METADATA": "\n".join([*metadata, ""]).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n".encode(),
        **(files or {}),
    }
    record = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**content, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(zipfile.ZipInfo(path, date_time=(2020, 1, 1, 0, 0, 0)), data)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


def requirements(wheels: Path, *lines: str) -> str:
    """Return a requirements.txt that knows no index but a folder."""
    return "\n".join(["--no-index", f"--find-links {wheels}", *lines, ""])


def hash_of(line: str) -> str:
    """Return the hash that a line pins."""
    return line.partition("--hash=")[2]


def make_module(folder: Path, name: str, *, version: str = "1.0.0", **more: object) -> dict[str, object]:
    """Write a package of npm's into a folder of a function; return its entry in package-lock.json."""
    content = {
        "package/package.json": json.dumps({"name": name, "version": version, "bin": "cli.js", **more}).encode(),
        "package/index.js": f"exports.NAME = {name!r};\n".encode(),
        "package/cli.js": b"#!/usr/bin/env node\n",
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for path, text in content.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(text), 0o644
            archive.addfile(info, io.BytesIO(text))
    packed = folder / "vendor" / f"{name.rpartition('/')[2]}-{version}.tgz"
    packed.parent.mkdir(parents=True, exist_ok=True)
    packed.write_bytes(data.getvalue())
    digest = base64.b64encode(hashlib.sha512(data.getvalue()).digest()).decode()
    return {"version": version, "resolved": f"file:vendor/{packed.name}", "integrity": f"sha512-{digest}", **more}


def lock(folder: Path, modules: Mapping[str, Mapping[str, object]], **more: object) -> None:
    """Write package.json and package-lock.json of a function that needs these packages."""
    needs = {name: str(module["resolved"]) for name, module in modules.items() if "optional" not in module}
    optional = {name: str(module["resolved"]) for name, module in modules.items() if "optional" in module}
    package = {"name": "f", "version": "1.0.0", "dependencies": needs, "optionalDependencies": optional, **more}
    packages = {"": package, **{f"node_modules/{name}": module for name, module in modules.items()}}
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(
        json.dumps({"name": "f", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages})
    )
