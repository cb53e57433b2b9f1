#!/usr/bin/env bash
# Installs what a private container engine needs, where no engine answers and this may be done (Debian, root).
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python -m expressway.sandbox.prepare
