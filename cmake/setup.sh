#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs what the build and the tests need and what is not there yet: Debian packages (with root or sudo), and the
# Python packages of requirements.txt in .venv/. Leaves .venv/ready behind, newer than requirements.txt and this script.
# Does nothing where everything is there; says in one message what is missing where it cannot be installed.
set -eu
cd "$(dirname "$0")/.."

# package, and the path or command by which to tell that it is there (so that other ways of installing it count as well).
required='
g++                 g++
mlir-22-tools       /usr/lib/llvm-22/bin/mlir-tblgen
libmlir-22-dev      /usr/lib/llvm-22/lib/cmake/mlir/MLIRConfig.cmake
llvm-22-dev         /usr/lib/llvm-22/lib/cmake/llvm/LLVMConfig.cmake
llvm-22-tools       /usr/lib/llvm-22/bin/FileCheck
nlohmann-json3-dev  /usr/include/nlohmann/json.hpp
libgtest-dev        /usr/include/gtest/gtest.h
python3             python3
python3-venv        ensurepip
'
# Only a few tests (cross-compilation, what a linker is called with) and faster rebuilds need these; without them such a test is a
# visible skip.
optional='
ccache                  ccache
gcc-aarch64-linux-gnu   aarch64-linux-gnu-gcc
g++-aarch64-linux-gnu   aarch64-linux-gnu-g++
libc6-dev-arm64-cross   /usr/aarch64-linux-gnu/lib/libc.so.6
qemu-user               qemu-aarch64
strace                  strace
'

# Debian's own interpreter, whatever else comes first in PATH: the wheels and python3-venv are for that one.
python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3

there() {
  case $1 in
  /*) [ -e "$1" ] ;;
  ensurepip) "$python" -c 'import ensurepip, venv' 2>/dev/null ;;
  *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# Names the packages of a table that are not there.
missing() {
  echo "$1" | while read -r package probe; do
    [ -z "$package" ] || there "$probe" || printf '%s ' "$package"
  done
}

fail() {
  printf '\nattnc setup: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

install_debian_packages() {
  needed=$(missing "$required")
  wanted=$(missing "$optional")
  [ -n "$needed$wanted" ] || return 0
  how="apt-get update && apt-get install --no-install-recommends $needed$wanted"
  if ! command -v apt-get >/dev/null 2>&1; then
    problem="this is not a Debian system"
  elif [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null 2>&1; then
    problem="that takes root, and there is no sudo"
  else
    echo "attnc setup: installing $needed$wanted"
    problem=
    log=$(mktemp)
    # shellcheck disable=SC2086 # word splitting is meant
    {
      as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $needed $wanted
    } >"$log" 2>&1 </dev/null || {
      tail -n 15 "$log" >&2
      problem="apt-get failed (its last lines are above)"
    }
    rm -f "$log"
    needed=$(missing "$required")
    wanted=$(missing "$optional")
  fi
  [ -z "$needed" ] || fail "these Debian 12 packages are missing: $needed
  They cannot be installed: $problem.
  Have them installed, then run make again:
    $how
  libmlir-22-dev and the llvm-22 packages come from Debian 12's security archive (bookworm-security)."
  [ -z "$wanted" ] || echo "attnc setup: going on without the optional packages $wanted" >&2
}

install_python_packages() {
  if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv || fail "cannot make a virtual environment in .venv with $python ($("$python" --version 2>&1));
  Debian's package for it is python3-venv."
  fi
  echo "attnc setup: installing the Python packages of requirements.txt in .venv"
  log=$(mktemp)
  if ! .venv/bin/python -m pip install --disable-pip-version-check --no-input --no-deps -q -r requirements.txt \
    >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "pip could not install the packages of requirements.txt (its last lines are above). They come from the Python
  package index: is there a network, or a mirror in pip's configuration? Versions: $(grep -v '^#' requirements.txt |
      sed 's/ .*//' | tr '\n' ' ')"
  fi
  rm -f "$log"
}

install_debian_packages
install_python_packages
touch .venv/ready
