#!/bin/bash
# Installs what the tests need and runs every test.
#
#   tests/run.sh            everything
#   tests/run.sh install    only install
#
# It installs Debian packages (apt), Python packages (PyPI) and cargo tools (crates.io), says which, and installs nothing that is already there.
# As root it installs by itself, otherwise by sudo. It needs no other host.
#
# CCXWATCH_TEST_FULL=1 kills at every system call instead of at a sample of them, and plays the longest scenarios as well.

set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }
warning() { printf '\n** %s\n' "$*"; }

# ---------------------------------------------------------------------------------------------------------------------
# What the tests need: a file that shows that it is there, and the Debian package that brings it.

needs='
/usr/bin/cc                                        gcc libc6-dev
/usr/bin/python3                                   python3
/usr/share/doc/python3-venv                        python3-venv
/usr/lib/python3/dist-packages/aiosmtpd            python3-aiosmtpd
/usr/bin/logger                                    bsdutils
/usr/sbin/rsyslogd                                 rsyslog
/usr/sbin/exim4                                    exim4-daemon-light
/usr/bin/strace                                    strace
/usr/bin/systemd-analyze                           systemd
/usr/bin/promtool                                  prometheus
/usr/bin/amtool                                    prometheus-alertmanager
/usr/bin/chromium                                  chromium
/usr/bin/chromedriver                              chromium-driver
/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf    fonts-dejavu-core
'

install_packages() {
    local missing=()
    while read -r file packages; do
        if [ -n "$file" ] && [ ! -e "$file" ]; then
            # shellcheck disable=SC2206  # a row may name several packages
            missing+=($packages)
        fi
    done <<<"$needs"
    if [ ${#missing[@]} -eq 0 ]; then
        echo "Debian packages: all there"
        return
    fi
    echo "Debian packages to install: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
}

# Debian's syslog-ng cannot be installed beside rsyslog, so that it is unpacked.
unpack_syslog_ng() {
    local packages=(syslog-ng-core libivykis0 libnet1 libjson-c5 libwrap0 libglib2.0-0 libcap2) to=target/syslog-ng
    if [ -e $to/usr/sbin/syslog-ng ]; then
        echo "syslog-ng: there"
        return
    fi
    echo "Debian packages to unpack into $to: ${packages[*]}"
    local archives
    archives=$(mktemp -d)
    # Who runs as root downloads as `_apt`, which may not write elsewhere.
    chmod 777 "$archives"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -qq update || true
    if (cd "$archives" && apt-get -qq download "${packages[@]}"); then
        mkdir -p $to
        for archive in "$archives"/*.deb; do
            dpkg -x "$archive" $to
        done
    else
        warning "syslog-ng cannot be downloaded: the tests in which it sends say so"
    fi
    rm -r "$archives"
}

# The dashboards' code needs a library from PyPI, in a virtual environment of its own.
install_python_packages() {
    local python=target/python/bin/python3 requirements=grafana/src/requirements.txt
    if "$python" -c 'import sys; from importlib.metadata import version
for line in open(sys.argv[1]):
    name, wanted = line.strip().split("==")
    assert version(name) == wanted' "$requirements" 2>/dev/null; then
        echo "Python packages: all there"
        return
    fi
    echo "Python packages to install: $(tr '\n' ' ' <"$requirements")"
    /usr/bin/python3 -m venv --clear target/python
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
}

install_cargo_tools() {
    if ! command -v cargo >/dev/null; then
        echo "There is no cargo. Install the Rust toolchain ($(sed -n 's/^rust-version = //p' Cargo.toml) or later) first." >&2
        exit 1
    fi
    if cargo deny --version >/dev/null 2>&1; then
        echo "cargo tools: all there"
    else
        echo "cargo tools to install: cargo-deny (takes a few minutes)"
        cargo install --quiet --locked cargo-deny
    fi
}

# ---------------------------------------------------------------------------------------------------------------------

step "install"
install_packages
unpack_syslog_ng
install_python_packages
install_cargo_tools
if [ "${1:-}" = install ]; then
    exit 0
fi

if [ ! -d ../shared ]; then
    if [ -n "${CI:-}" ]; then
        echo "../shared is missing: the tests that read the shared samples cannot run" >&2
        exit 1
    fi
    warning "../shared is missing: the tests that read the shared samples say so and pass"
fi

# cargo-nextest runs each test in a process of its own; `cargo test` does without.
run_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --no-fail-fast "$@"
    else
        cargo test --no-fail-fast "$@"
    fi
}

step "formatting"
cargo fmt --all --check

step "licenses, bans, sources"
cargo deny --all-features check --hide-inclusion-graph licenses bans sources

step "advisories"
if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny --all-features check --hide-inclusion-graph advisories
else
    warning "NOT CHECKED: the advisory database cannot be reached from here. Run \`cargo deny check advisories\` where it can."
fi

step "lints"
cargo clippy --workspace --all-targets --all-features --quiet -- -D warnings

step "documentation"
# For the people who work on it, private items and the links to them are part of the documentation.
RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --workspace --no-deps --all-features --document-private-items --quiet

step "documentation tests"
cargo test --workspace --all-features --doc --quiet

step "tests"
run_tests --workspace --all-features

step "measurements and storms on the release build"
run_tests --release --test integration measure::
run_tests --release --test integration storms::

step "done"
