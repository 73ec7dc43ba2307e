# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Golden images: built from a recipe into a folder in the cache, with a disk, a kernel, an initrd and a root tree.

Private to the collection swarmlab.overlay.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
import typing as t
from pathlib import Path

from . import recipe
from .errors import LabError
from .imagespec import ImageSpec
from .lock import exclusive
from .state import LabRecord
from .tools import free_mib, read_end, require_tools, tail

BUILDER = 1  # increased when the build changes in a way that the recipe's data do not show
BUILD_NEEDS_MIB = 3072
TOOLS = {
    "mmdebstrap": ("mmdebstrap", "build the node image"),
    "mke2fs": ("e2fsprogs", "build the node image"),
    "fakeroot": ("fakeroot", "build the node image"),
    "tar": ("tar", "build the node image"),
}
APT_FOLDER = Path("/etc/apt")
LOG_END = 65536
# Errors of the builder that only name its step which another program's error ended.
ERROR = re.compile(r"E: |dpkg: error ")
CONSEQUENCE = re.compile(r"E: (.*failed|.*failed to run|setup failed: .*|command failed: .*|run_chroot failed: .*)$")

Report = t.Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Image:
    """A finished image in the cache."""

    key: str
    folder: Path
    cached: bool

    def disk(self, gib: int) -> Path:
        """The base disk of the nodes' disks, created in its final size, so that nothing grows at boot."""
        return self.folder / f"disk-{gib}.raw"

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def rootfs(self) -> Path:
        return self.folder / "rootfs.tar"


def image_key(spec: ImageSpec) -> str:
    """The key of an image with this specification. Any change of the recipe changes it."""
    content = {
        "builder": BUILDER,
        "suite": spec.suite,
        "mirror": spec.mirror,
        "packages": recipe.packages(spec),
        "apt": recipe.apt_options(spec),
        "dpkg": recipe.DPKG_OPTIONS,
        "files": recipe.files(spec),
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{spec.suite}-{digest[:12]}"


def find_image(cache: Path, key: str) -> Image | None:
    """The finished image of this key, if the cache has it. A finished one has been renamed to its final place."""
    folder = cache / "images" / key
    return Image(key, folder, True) if (folder / "recipe.json").is_file() else None


def recorded_images(cache: Path, record: LabRecord) -> dict[str, Image]:
    """The image of each node of a lab. A node's disk is useless without its image."""
    found = {}
    for name, entry in record.nodes.items():
        image = find_image(cache, entry.image)
        if image is None:
            raise LabError("LAB-E-IMAGEGONE", image=entry.image, cache=cache)
        found[name] = image
    return found


def locked(folder: Path, key: str, report: Report) -> t.ContextManager[None]:
    """Lock this image; other runs wait."""
    return exclusive(folder / f"{key}.lock", what=f"image {key}", wait=1800, report=report)


def ensure_image(cache: Path, spec: ImageSpec, report: Report) -> Image:
    """Find the image in the cache, or build it. Concurrent runs build the same image once."""
    key = image_key(spec)
    image = find_image(cache, key)
    if image:
        return image
    require_tools(TOOLS)
    (cache / "images").mkdir(parents=True, exist_ok=True)
    with locked(cache / "images", key, report):
        image = find_image(cache, key)
        if image:
            return image
        available = free_mib(cache)
        if available < BUILD_NEEDS_MIB:
            raise LabError(
                "LAB-E-DISK",
                directory=cache,
                available=available,
                needed=BUILD_NEEDS_MIB,
                purpose="build the node image",
            )
        return _build(cache, key, spec, spec.mirror or machine_mirror(), report)


def _build(cache: Path, key: str, spec: ImageSpec, mirror: str, report: Report) -> Image:
    final = cache / "images" / key
    work = cache / "images" / f".{key}.building"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    log = cache / "images" / f"{key}.log"
    started = time.monotonic()
    report(f"image {key}: building it (about a minute; once for all labs), packages from {mirror}")
    try:
        with log.open("wb") as output:
            (work / "files.tar").write_bytes(files_archive(recipe.files(spec)))
            _run("bootstrap", bootstrap_command(work, spec, mirror), output, log, report, key)
        (work / "files.tar").unlink()
        content = {"key": key, **dataclasses.asdict(spec), "mirror": mirror}
        (work / "recipe.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        work.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report(f"image {key}: ready after {time.monotonic() - started:.0f} s")
    return Image(key, final, False)


def bootstrap_command(work: Path, spec: ImageSpec, mirror: str) -> list[str]:
    """The command of mmdebstrap, which chooses root, user namespaces or fakechroot by itself: root is not required."""
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(recipe.packages(spec))}"]
    command += [f"--aptopt={option}" for option in recipe.apt_options(spec)]
    command += [f"--dpkgopt={option}" for option in recipe.DPKG_OPTIONS]
    command += [
        f"--customize-hook=tar-in {work / 'files.tar'} /",
        '--customize-hook=chroot "$1" /usr/local/lib/swarmlab/finish',
        f"--customize-hook=download /boot/swarmlab-kernel {work / 'kernel'}",
        f"--customize-hook=download /boot/swarmlab-initrd {work / 'initrd'}",
        '--customize-hook=rm -rf "$1"/boot/*',
        spec.suite,
        str(work / "rootfs.tar"),
        f"deb {mirror} {spec.suite} main",
    ]
    return command


def ensure_disk(cache: Path, image: Image, gib: int, report: Report) -> None:
    """Create the image's disk of this size in GiB, if it is missing."""
    disk = image.disk(gib)
    if disk.is_file():
        return
    require_tools(TOOLS)
    with locked(cache / "images", image.key, report):
        if disk.is_file():
            return
        work = image.folder / f".{disk.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        log = cache / "images" / f"{image.key}.log"
        try:
            with log.open("ab") as output:
                _run("disk", disk_command(work, image.rootfs, gib), output, log, report, image.key)
            (work / "disk.raw").rename(disk)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def disk_command(work: Path, rootfs: Path, gib: int) -> list[str]:
    """The command that unpacks the tree and creates the file system, in one fakeroot session to preserve owners."""
    script = (
        'set -e; cd "$1"; mkdir root; tar -C root --numeric-owner -xpf "$2"; '
        "mke2fs -q -t ext4 -L swarmlab -d root -E lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0 "
        '-O ^metadata_csum -m 0 disk.raw "$3"'
    )
    return ["fakeroot", "sh", "-c", script, "sh", str(work), str(rootfs), f"{gib}G"]


def files_archive(files: t.Mapping[str, tuple[int, str]]) -> bytes:
    """The recipe's files as a tar archive, with owner root and a constant time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (mode, content) in sorted(files.items()):
            data = content.encode()
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _run(step: str, command: list[str], output: t.BinaryIO, log: Path, report: Report, key: str) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    started = said = time.monotonic()
    process = subprocess.Popen(  # terminated at the end, whatever happens
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
    )
    try:
        while process.poll() is None:
            time.sleep(0.1)
            if time.monotonic() - said >= 15:
                said = time.monotonic()
                report(f"image {key}: {step}, {said - started:.0f} s ({tail(log, 1)[:100]})")
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise LabError("LAB-E-IMAGE", step=step, reason=why(read_end(log, LOG_END).decode("utf-8", "replace")), log=log)


def why(output: str) -> str:
    """The lines of a builder's output that give the reason of its failure.

    The error of a program that the builder called is followed by errors that only name the ended step. A script that
    it called prints its own error before them.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [number for number, line in enumerate(lines) if ERROR.match(line)]
    causes = [lines[number] for number in errors if not CONSEQUENCE.match(lines[number])]
    if causes:
        return " | ".join(causes[:2])
    before = [line for line in lines[: errors[0] if errors else None] if not line.startswith("I: ")]
    return " | ".join(before[-2:] + [lines[number] for number in errors[:1]]) or "it said nothing"


def machine_mirror(folder: Path = APT_FOLDER) -> str:
    """The mirror that this machine installs its own Debian packages from."""
    texts = []
    for pattern in ("sources.list", "sources.list.d/*.list", "sources.list.d/*.sources"):
        for path in sorted(folder.glob(pattern)):
            texts.append((path.suffix == ".sources", path.read_text(encoding="utf-8", errors="replace")))
    mirrors = [uri for deb822, text in texts for uri in (deb822_mirrors(text) if deb822 else line_mirrors(text))]
    if not mirrors:
        raise LabError("LAB-E-NOMIRROR")
    return mirrors[0]


def _is_debian(uri: str, suites: t.Iterable[str]) -> bool:
    """Whether it is a main archive, with other suites of Debian too: not the security archive, not a third party's."""
    path = uri.rstrip("/").rsplit("/", 1)[-1]
    return path == "debian" and not any(suite.endswith(("-security", "/updates")) for suite in suites)


def line_mirrors(text: str) -> list[str]:
    """Mirrors in the one-line format of sources.list(5)."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$", line.split("#", 1)[0])
        if match and _is_debian(match.group(1), [match.group(2)]):
            found.append(match.group(1))
    return found


def deb822_mirrors(text: str) -> list[str]:
    """Mirrors in the deb822 format of sources.list(5)."""
    found = []
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", lines):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t") and name:
                fields[name] += line.split()
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"])[:1] == ["no"]:
            continue
        found += [uri for uri in fields.get("uris", []) if _is_debian(uri, fields.get("suites", []))]
    return found
