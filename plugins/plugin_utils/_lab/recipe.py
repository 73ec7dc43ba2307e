# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of the nodes' golden image: packages, files, and the few commands that finish it. Plain data.

Private to the collection swarmlab.overlay. Everything here is part of the image's key: a change makes a new image.
"""

from __future__ import annotations

from .imagespec import FIREWALLS, NO_FIREWALL, ROOT, SUITES, ImageSpec

PACKAGES: tuple[str, ...] = (
    "linux-image-cloud-amd64",
    "busybox-static",
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "kmod",
    "openssh-server",
    "procps",
    "python3",
    "systemd",
    "systemd-sysv",
    "tcpdump",
    "udev",
)
# In addition to the engine's packages, which the suite has. Without an engine, its later installation brings them all.
ENGINE_PACKAGES: tuple[str, ...] = ("iptables", "nftables", "python3-docker")

# The node prints it on its console; waiting for it costs the guest nothing.
READY_MARK = "swarmlab: node ready"
FAILED_MARK = "swarmlab: node failed"
GOLDEN_MARK = "swarmlab: golden node waits for an identity"
# Swarm asks the image's registry at every start of a task, also for a local image. This image's registry is the node
# itself, which refuses at once: nothing is looked up outside, and no one else can own the name.
LOCAL_IMAGE = "localhost/swarmlab/busybox:local"
GOLDEN_TARGET = "swarmlab-golden.target"
GOLDEN_CONSOLE = "/dev/ttyS1"
IDENTITY = "/run/swarmlab/identity"
IDENTITY_SEED = "/run/swarmlab/seed"
USER_KEY = "/run/swarmlab/user-key"
PASSWORD = "/run/swarmlab/password"

APT_OPTIONS: tuple[str, ...] = (
    'APT::Install-Recommends "false"',
    'Acquire::Languages "none"',
)
EXPIRED_IS_FINE = 'Acquire::Check-Valid-Until "false"'

DPKG_OPTIONS: tuple[str, ...] = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/i18n/*",
    "path-exclude=/usr/share/bash-completion/*",
    "path-exclude=/usr/lib/udev/hwdb.d/*",
    # The initrd is built below, from five modules and a busybox. The distribution's takes ten times as long to build
    # and several seconds to run on an emulated processor.
    "path-exclude=/etc/kernel/postinst.d/initramfs-tools",
    # Drivers and file systems that no virtual machine of a lab has.
    "path-exclude=/usr/lib/modules/*/kernel/fs/bcachefs/*",
    "path-exclude=/usr/lib/modules/*/kernel/fs/btrfs/*",
    "path-exclude=/usr/lib/modules/*/kernel/fs/xfs/*",
    "path-exclude=/usr/lib/modules/*/kernel/drivers/infiniband/*",
)

# Units that a throw-away node does not need.
MASKED_UNITS: tuple[str, ...] = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "kmod-static-nodes.service",
    "getty-static.service",
    "getty@tty1.service",
    "ldconfig.service",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "proc-sys-fs-binfmt_misc.automount",
    "run-lock.mount",
    "serial-getty@ttyS0.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-networkd-persistent-storage.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-sysusers.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-udev-load-credentials.service",
    "systemd-update-done.service",
    "systemd-user-sessions.service",
    "tmp.mount",
)

# Generators that systemd runs at every boot, and that have nothing to do on these nodes.
MASKED_GENERATORS: tuple[str, ...] = (
    "systemd-debug-generator",
    "systemd-fstab-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-sysv-generator",
    "systemd-tpm2-generator",
)

ENABLED_UNITS: tuple[str, ...] = (
    "ssh.service",
    "swarmlab-ready.service",
    "systemd-network-generator.service",
    "systemd-networkd.service",
)

# Modules for the initrd, with their dependencies: a root disk, and a network card for an early start of the network.
INITRD_MODULES: tuple[str, ...] = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")

_READY_SERVICE = """\
[Unit]
Description=Give the engine its local image, then say that this node is ready
After=docker.service ssh.service
Wants=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
StandardOutput=journal+console
ExecStart=/usr/local/lib/swarmlab/ready

[Install]
WantedBy=multi-user.target
"""

_READY = """\
#!/bin/sh
if @STEPS@; then
    echo "@READY@"
else
    echo "@FAILED@"
    exit 1
fi
""".replace("@READY@", READY_MARK).replace("@FAILED@", FAILED_MARK)

# Loading is idempotent (the archive's content names the image), so every boot repairs a removed image. A clone of the
# golden node already has it in its memory.
_LOAD = "{ [ -e /run/swarmlab/loaded ] || docker load --quiet --input /usr/local/lib/swarmlab/busybox.tar >/dev/null; }"

# A node that boots without an engine gets the local image as soon as one is installed.
_IMAGE_SERVICE = """\
[Unit]
Description=Give the engine its local image
After=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=docker load --quiet --input /usr/local/lib/swarmlab/busybox.tar
"""

# The image contains the user, the lab provides the key and the password. Files in /run are gone after the next boot.
_ADMIT = """\
#!/bin/sh
set -eu
install -d -m 700 -o @USER@ -g @USER@ /home/@USER@/.ssh
install -m 600 -o @USER@ -g @USER@ @USER_KEY@ /home/@USER@/.ssh/authorized_keys
password=$(cat @PASSWORD@)
echo "@USER@:$password" | chpasswd
rm @PASSWORD@
""".replace("@USER_KEY@", USER_KEY).replace("@PASSWORD@", PASSWORD)

_GOLDEN_TARGET = """\
[Unit]
Description=A node without an identity, to be frozen, and cloned as often as needed
Requires=basic.target
Wants=docker.service systemd-networkd.service swarmlab-golden.service
"""

_GOLDEN_SERVICE = """\
[Unit]
Description=Become nobody, then wait for an identity
After=docker.service systemd-networkd.service

[Service]
Type=oneshot
RemainAfterExit=yes
TimeoutStartSec=infinity
StandardOutput=journal+console
ExecStart=/usr/local/lib/swarmlab/golden
"""

# The part up to the mark runs once, in the golden node; the rest runs in every clone, whose controller sends the
# identity as an archive to the second serial port.
_GOLDEN = """\
#!/bin/sh
set -eu
trap 'echo "@FAILED@"' EXIT
mkdir -p /run/swarmlab
@ENGINE@: >/etc/machine-id
sync

exec 3<>@CONSOLE@
stty -echo <&3
echo "@GOLDEN@"
sed -n '/^end$/q;p' <&3 | base64 -d | tar -xzmf - -C /
. @IDENTITY@
date -s "@$EPOCH" >/dev/null
cat @SEED@ >/dev/urandom
perl -e 'open my $r, "+<", "/dev/urandom" or die; ioctl($r, 0x5207, 0) or die' # RNDRESEEDCRNG
rm @SEED@
echo "$NAME" >/proc/sys/kernel/hostname
systemctl restart systemd-journald
ip link set eth0 address "$MANAGEMENT_MAC"
ip link set eth1 address "$SEGMENT_MAC"
systemctl restart systemd-networkd
echo adopted >&3
trap - EXIT
systemctl start --no-block multi-user.target
"""
_GOLDEN_ENGINE = """\
docker load --quiet --input /usr/local/lib/swarmlab/busybox.tar >/dev/null
touch /run/swarmlab/loaded
docker run --rm --network none @IMAGE@ /bin/true
systemctl stop docker.socket docker.service
ip link delete docker0
rm -rf /var/lib/docker/engine-id /var/lib/docker/network /var/lib/docker/swarm
""".replace("@IMAGE@", LOCAL_IMAGE)
for _word, _name in {
    "@GOLDEN@": GOLDEN_MARK,
    "@FAILED@": FAILED_MARK,
    "@CONSOLE@": GOLDEN_CONSOLE,
    "@IDENTITY@": IDENTITY,
    "@SEED@": IDENTITY_SEED,
}.items():
    _GOLDEN = _GOLDEN.replace(_word, _name)

# The first process of a container node: starts the engine, loads its local image, and ends on a signal. A container
# node has no service manager: the signal HUP restarts the engine.
_CONTAINER_INIT = """\
#!/bin/sh
mkdir -p /run/lock
trap 'kill -TERM $engine' TERM INT
trap 'again=1; kill -TERM $engine' HUP
again=1
while [ -n "$again" ]; do
    again=
    rm -f /var/run/docker.pid /run/docker/containerd/containerd.pid
    dockerd &
    engine=$!
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -ge 300 ] || ! kill -0 $engine 2>/dev/null; then
            echo "@FAILED@"
            exit 1
        fi
        sleep 0.2
    done
    /usr/local/lib/swarmlab/ready
    while kill -0 $engine 2>/dev/null; do
        wait $engine
    done
done
""".replace("@FAILED@", FAILED_MARK)

# A systemd scope for every container takes seconds on an emulated node.
_DAEMON = """\
{
  "exec-opts": [
    "native.cgroupdriver=cgroupfs"
  ]
}
"""

# Runs in the finished tree and builds an image archive in the format of `docker save`. It has no time stamps, so the
# image has the same id on all nodes, which `docker import` would not give.
_MAKE_LOCAL_IMAGE = """\
import hashlib, io, json, os, subprocess, tarfile

def member(archive, name, data=None, mode=0o755, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.linkname, info.size = mode, kind, link, len(data or b"")
    archive.addfile(info, io.BytesIO(data) if data is not None else None)

def tar(fill):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        fill(archive)
    return buffer.getvalue()

def root(archive):
    with open("/bin/busybox", "rb") as stream:
        busybox = stream.read()
    for folder in ("bin", "dev", "etc", "proc", "sys", "root", "usr"):
        member(archive, folder, kind=tarfile.DIRTYPE)
    member(archive, "tmp", mode=0o1777, kind=tarfile.DIRTYPE)
    member(archive, "usr/bin", kind=tarfile.SYMTYPE, link="../bin")
    member(archive, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\\n", 0o644)
    member(archive, "etc/group", b"root:x:0:\\n", 0o644)
    member(archive, "bin/busybox", busybox)
    for applet in sorted(set(subprocess.check_output(["/bin/busybox", "--list"], text=True).split()) - {"busybox"}):
        member(archive, "bin/" + applet, kind=tarfile.SYMTYPE, link="busybox")

layer = tar(root)
config = json.dumps({
    "architecture": "amd64", "os": "linux", "created": "1970-01-01T00:00:00Z",
    "config": {"Cmd": ["/bin/sleep", "2147483647"], "Env": ["PATH=/bin"],
               "Labels": {"swarmlab.overlay/managed": "true"}},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
}, sort_keys=True).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = json.dumps([{"Config": name, "RepoTags": ["@IMAGE@"], "Layers": ["layer.tar"]}]).encode()

def image(archive):
    member(archive, "manifest.json", manifest, 0o644)
    member(archive, name, config, 0o644)
    member(archive, "layer.tar", layer, 0o644)

with open("/usr/local/lib/swarmlab/busybox.tar", "wb") as stream:
    stream.write(tar(image))
os.unlink(__file__)
""".replace("@IMAGE@", LOCAL_IMAGE)

_INITRD_INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
while read module; do /bin/busybox insmod "$module"; done </modules
tries=0
until [ -b /dev/vda ] || [ $tries -ge 200 ]; do /bin/busybox sleep 0.1; tries=$((tries + 1)); done
/bin/busybox mount -t ext4 -o rw,noinit_itable,noatime /dev/vda /root || echo "@FAILED@: no root disk"
/bin/busybox umount /proc /sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
""".replace("@FAILED@", FAILED_MARK)

_FINISH = """\
#!/bin/sh
set -eu
python3 /usr/local/lib/swarmlab/make-local-image.py

version=$(ls /usr/lib/modules)
tree=/tmp/initrd
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys $tree/root $tree/lib
cp /bin/busybox $tree/bin/
for module in @MODULES@; do
    modprobe --set-version "$version" --show-depends "$module" | sed -n 's/^insmod //p'
done | awk '!seen[$1]++ {print $1}' | while read -r file; do
    name=$(basename "$file" | sed 's/[.]xz$//; s/[.]zst$//')
    case $file in
        *.xz) busybox unxz -c "$file" ;;
        *.zst) zstd -dc "$file" ;;
        *) cat "$file" ;;
    esac >"$tree/lib/$name"
    echo "/lib/$name"
done >$tree/modules
mv /usr/local/lib/swarmlab/initrd-init $tree/init
chmod 755 $tree/init
(cd $tree && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >/boot/swarmlab-initrd
cp "/boot/vmlinuz-$version" /boot/swarmlab-kernel
rm -rf $tree

# Unpacking modules is slow on an emulated processor: those that networks need lie there unpacked.
(cd "/usr/lib/modules/$version/kernel" && find net crypto lib arch drivers/net fs/overlayfs -name '*.ko.xz' |
    xargs --no-run-if-empty busybox unxz)
depmod "$version"

rm -f /etc/fstab /etc/hostname /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
for unit in @MASKED@; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
mkdir -p /etc/systemd/system-generators
for name in @GENERATORS@; do ln -sf /dev/null "/etc/systemd/system-generators/$name"; done
@OWN@systemctl --quiet enable @ENABLED@
systemctl --quiet set-default multi-user.target
rm -f /usr/local/lib/swarmlab/finish
"""
for _word, _names in {
    "@MODULES@": INITRD_MODULES,
    "@MASKED@": MASKED_UNITS,
    "@GENERATORS@": MASKED_GENERATORS,
}.items():
    _FINISH = _FINISH.replace(_word, " ".join(_names))

_WITHOUT_ENGINE = """\
mkdir -p /etc/systemd/system/docker.service.wants
ln -s ../swarmlab-image.service /etc/systemd/system/docker.service.wants/
"""

_MAKE_USER = """\
useradd --create-home --shell /bin/bash --groups sudo @USER@
"""

# Edited directly: ufw itself checks the running kernel, which is the builder's.
_CLOSE_UFW = """\
sed -i 's/^ENABLED=no/ENABLED=yes/' /etc/ufw/ufw.conf
for family in "user ufw 0.0.0.0" "user6 ufw6 ::"; do
    set -- $family
    sed -i "s|^### RULES ###$|&\\n\\n### tuple ### allow tcp 22 $3/0 any $3/0 in\\n-A $2-user-input -p tcp --dport 22 -j ACCEPT|" \\
        "/etc/ufw/$1.rules"
    grep -q "dport 22 -j ACCEPT" "/etc/ufw/$1.rules"
done
"""

# Like Debian's own example: it flushes all rules, Docker's included, whenever it is loaded.
_NFTABLES = """\
#!/usr/sbin/nft -f
flush ruleset

table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iif lo accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp dport 22 accept
    }
}
"""

_SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin @ROOT@
UsePAM no
UseDNS no
MaxSessions 100
MaxStartups 100
"""

# Only network cards and disks matter: otherwise hundreds of devices are examined, and drivers loaded for them.
_UDEV_TRIGGER = """\
[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net --subsystem-match=block
"""

_MODPROBE = """\
blacklist ata_generic
blacklist ata_piix
blacklist vmw_vsock_virtio_transport_common
blacklist vsock
blacklist vsock_loopback
"""

_JOURNALD = """\
[Journal]
Storage=volatile
ReadKMsg=no
Compress=no
"""

_SSH_SERVICE = """\
[Service]
ExecStartPre=
"""

_CONTAINERD = """\
version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
"""

# Where networks are files in /run, these must exist before they are read.
_NETWORKS_FIRST = """\
[Unit]
After=systemd-tmpfiles-setup.service
"""

# path in the image: (mode, content)
_ENGINE_FILES: dict[str, tuple[int, str]] = {
    "etc/containerd/config.toml": (0o644, _CONTAINERD),
    "etc/docker/daemon.json": (0o644, _DAEMON),
    "usr/local/lib/swarmlab/container-init": (0o755, _CONTAINER_INIT),
}
_FILES: dict[str, tuple[int, str]] = {
    "etc/hosts": (0o644, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"),
    "etc/modprobe.d/swarmlab.conf": (0o644, _MODPROBE),
    "etc/systemd/journald.conf.d/swarmlab.conf": (0o644, _JOURNALD),
    "etc/systemd/system/ssh.service.d/swarmlab.conf": (0o644, _SSH_SERVICE),
    "etc/systemd/system/systemd-udev-trigger.service.d/swarmlab.conf": (0o644, _UDEV_TRIGGER),
    f"etc/systemd/system/{GOLDEN_TARGET}": (0o644, _GOLDEN_TARGET),
    "etc/systemd/system/swarmlab-golden.service": (0o644, _GOLDEN_SERVICE),
    "etc/systemd/system/swarmlab-ready.service": (0o644, _READY_SERVICE),
    "usr/local/lib/swarmlab/initrd-init": (0o755, _INITRD_INIT),
    "usr/local/lib/swarmlab/make-local-image.py": (0o644, _MAKE_LOCAL_IMAGE),
}


def packages(spec: ImageSpec) -> list[str]:
    """All packages that the image's recipe names."""
    engine = [*SUITES[spec.suite].engine, *ENGINE_PACKAGES] if spec.engine else []
    user = [] if spec.user == ROOT else ["sudo"]
    return sorted({*PACKAGES, *engine, *FIREWALLS[spec.firewall], *user, *spec.packages})


def apt_options(spec: ImageSpec) -> list[str]:
    return [*APT_OPTIONS, *([EXPIRED_IS_FINE] if SUITES[spec.suite].expires else [])]


def files(spec: ImageSpec) -> dict[str, tuple[int, str]]:
    """{path in the image: (mode, content)}."""
    found = dict(_FILES)
    steps = []
    if spec.engine:
        found.update(_ENGINE_FILES)
        steps.append(_LOAD)
    else:
        found["etc/systemd/system/swarmlab-image.service"] = (0o644, _IMAGE_SERVICE)
    if spec.user != ROOT:
        found["usr/local/lib/swarmlab/admit"] = (0o755, _ADMIT.replace("@USER@", spec.user))
        steps.insert(0, "/usr/local/lib/swarmlab/admit")
    if spec.firewall != NO_FIREWALL:
        # A node is ready only when its firewall is up.
        unit = _READY_SERVICE.replace("After=", f"After={spec.firewall}.service ")
        found["etc/systemd/system/swarmlab-ready.service"] = (0o644, unit)
    if spec.firewall == "nftables":
        found["etc/nftables.conf"] = (0o755, _NFTABLES)
    if not SUITES[spec.suite].network_credentials:
        found["etc/systemd/system/systemd-networkd.service.d/swarmlab.conf"] = (0o644, _NETWORKS_FIRST)
    scripts = {
        "finish": _finish(spec),
        "golden": _GOLDEN.replace("@ENGINE@", _GOLDEN_ENGINE if spec.engine else ""),
        "ready": _READY.replace("@STEPS@", " && ".join(steps) or "true"),
    }
    found.update({f"usr/local/lib/swarmlab/{name}": (0o755, script) for name, script in scripts.items()})
    root = "prohibit-password" if spec.user == ROOT else "no"
    found["etc/ssh/sshd_config.d/10-swarmlab.conf"] = (0o644, _SSHD.replace("@ROOT@", root))
    return found


def _finish(spec: ImageSpec) -> str:
    """The script that runs in the finished tree."""
    own = "" if spec.engine else _WITHOUT_ENGINE
    if spec.user != ROOT:
        own += _MAKE_USER.replace("@USER@", spec.user)
    if spec.firewall == "ufw":
        own += _CLOSE_UFW
    enabled = [*ENABLED_UNITS, *(["docker.service"] if spec.engine else [])]
    if spec.firewall != NO_FIREWALL:
        enabled.append(f"{spec.firewall}.service")
    return _FINISH.replace("@OWN@", own).replace("@ENABLED@", " ".join(enabled))
