#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Draws docs/report.svg: the graph of examples/report, with the times that it took over DIR.
#   docs/report.sh [DIR]     default /usr/include; needs Graphviz (Debian's package graphviz)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v dot >/dev/null || { echo "there is no dot: install graphviz" >&2; exit 1; }
cmake --preset release --log-level=WARNING >/dev/null
cmake --build --preset release --target report -- --quiet
build/release/examples/report --dot build/report.dot "${1:-/usr/include}" >/dev/null
dot -Tsvg build/report.dot -o docs/report.svg
