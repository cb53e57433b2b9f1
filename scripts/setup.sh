#!/usr/bin/env bash
# Prepares .venv with exactly the pinned packages. Safe to run again: it does nothing when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

note() { printf '\033[2m[setup]\033[0m %s\n' "$*" >&2; }

apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  note "installing $* with apt"
  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

usable_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
    [ -n "$candidate" ] || continue
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    command -v "$candidate"
    return 0
  done
  return 1
}

stamp=".venv/.expressway-setup"
wanted="$(cat requirements/bootstrap.txt requirements/dev.txt pyproject.toml | sha256sum | cut -d' ' -f1)"
if [ -x .venv/bin/expressway ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

python="$(usable_python || { apt_install python3 python3-venv && usable_python; })" || {
  echo "Expressway needs Python 3.11 or newer with the venv module. Install it (Debian: apt-get install python3 python3-venv; macOS: brew install python), or name one: make setup PYTHON=/path/to/python3" >&2
  exit 1
}
note "creating .venv with $("$python" --version)"
rm -rf .venv
"$python" -m venv .venv
note "installing the pinned packages"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/dev.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
printf '%s' "$wanted" >"$stamp"
note "ready"
