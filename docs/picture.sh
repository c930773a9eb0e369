#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Draws docs/demo.svg: a real terminal that runs `./dev demo DIR`, as it stands when the bar has passed a third.
#   docs/picture.sh [DIR]     default /usr; a tree that takes seconds, or the bar is never seen
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${1:-/usr}
work=$(mktemp -d)
terminal() { tmux -f /dev/null -S "$work/socket" "$@"; }
trap 'terminal kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

terminal new-session -d -s demo -x 96 -y 10 "exec env -u CI TERM=screen LC_ALL=C.UTF-8 bash --norc"
terminal send-keys -t demo "PS1='\$ '; clear; ./dev demo $dir" Enter
for try in $(seq 1200); do
    screen=$(terminal capture-pane -p -t demo)
    [[ ! $screen =~ hashing:\ +([3-9][0-9])% ]] || break
    [ "$try" != 1200 ] || { echo "no bar was seen" >&2; exit 1; }
    sleep 0.05
done

printf '$ ./dev demo %s\n%s\n' "$dir" "$(grep -E '^==|hashing' <<<"$screen")" | awk '
    { gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;"); text[NR] = $0 }
    END {
        height = 20 * NR + 24
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"830\" height=\"%d\" role=\"img\" aria-label=\"./dev demo in a terminal\">\n", height
        printf "<rect width=\"830\" height=\"%d\" rx=\"8\" fill=\"#1e1e2e\"/>\n", height
        printf "<g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" fill=\"#cdd6f4\">\n"
        for (i = 1; i <= NR; ++i) printf "<text x=\"14\" y=\"%d\" xml:space=\"preserve\">%s</text>\n", 20 * i + 8, text[i]
        print "</g>\n</svg>"
    }' >docs/demo.svg
