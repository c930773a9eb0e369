#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The bar on a real terminal that is resized and interrupted, and on files that are no terminal.
#   terminal_test.sh PROGRAM
set -euo pipefail
program=$1
unset CI PARMAP_PROGRESS TMUX
export LC_ALL=C.UTF-8
work=$(mktemp -d)
terminal() { tmux -f /dev/null -S "$work/socket" "$@"; }
trap 'terminal kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

# The last item of the program waits until the test writes to this pipe.
mkfifo "$work/gate"

fail() {
    echo "FAILED: $*"
    terminal capture-pane -p 2>/dev/null || true
    exit 1
}
screen() { terminal capture-pane -p -t test; }
# Waits until the screen matches.
until_screen() {
    local try
    for try in $(seq 400); do
        screen | grep -q -- "$1" && return
        sleep 0.05
    done
    fail "'$1' never appeared (waited $try times)"
}
lines_of_bar() { screen | grep -c 'squaring:' || true; }

# The bar appears, follows the width, and is always one line.
terminal new-session -d -s test -x 100 -y 20 "exec env TERM=screen bash --norc"
terminal send-keys -t test "PS1='> '; clear; $program $work/gate; echo rc=\$?" Enter
until_screen 'squaring:  9[0-9]%|.*█.*| 9[0-9]/100 \[00:0'
terminal resize-window -t test -x 50 -y 20
until_screen 'squaring:  9[0-9]%.* 9[0-9]/100 \[[^]]*\]$'
[ "$(screen | grep -c .)" = 1 ] || fail "rows of the wrapped line were left behind"
terminal resize-window -t test -x 100 -y 20
until_screen 'squaring:  9[0-9]%|.*busy\]$'
[ "$(lines_of_bar)" = 1 ] || fail "$(lines_of_bar) lines of one bar after two resizes"
echo go >"$work/gate"
until_screen '^rc=0'
screen | grep -q 'squaring: 100%|█*| 100/100 \[00:' || fail "no last line"
screen | grep -q '^sum 328350$' || fail "wrong result"
[ "$(lines_of_bar)" = 1 ] || fail "$(lines_of_bar) lines of one bar at the end"

# Ctrl-Z stops the program, and after fg it goes on with its bar.
terminal send-keys -t test "clear; $program $work/gate; echo rc=\$?" Enter
until_screen 'squaring:  9[0-9]%|'
terminal send-keys -t test C-z
until_screen 'Stopped'
terminal send-keys -t test "clear; fg" Enter
until_screen 'squaring:  9[0-9]%|'
echo go >"$work/gate"
until_screen '^sum 328350$'
screen | grep -q 'squaring: 100%|█*| 100/100 \[00:' || fail "no last line after fg"

# Ctrl-C ends the program, and the cursor is visible.
terminal send-keys -t test "clear; $program $work/gate" Enter
until_screen 'squaring:  9[0-9]%|'
terminal send-keys -t test C-c
until_screen '^>$'
terminal send-keys -t test 'echo rc=$?' Enter
until_screen '^rc=130'
[ "$(terminal display-message -p -t test '#{cursor_flag}')" = 1 ] || fail "the cursor is hidden"

# Files that are no terminal: the right result, exit code 0, no escape.
result=$("$program" 2>&-) || fail "exit code $? with stderr closed"
[ "$result" = "sum 328350" ] || fail "stderr closed: $result"
result=$(PARMAP_PROGRESS=terminal "$program" 2>/dev/full) || fail "exit code $? with a full stderr"
[ "$result" = "sum 328350" ] || fail "stderr full: $result"
{ PARMAP_PROGRESS=json "$program" 2>&1 >"$work/result" || echo "rc $?" >>"$work/result"; } | head -c 20 >/dev/null
[ "$(cat "$work/result")" = "sum 328350" ] || fail "a reader that exits: $(cat "$work/result")"
"$program" 2>"$work/errors" >/dev/null
[ ! -s "$work/errors" ] || fail "a short call wrote to a file: $(cat "$work/errors")"
PARMAP_PROGRESS=banana "$program" 2>"$work/errors" >/dev/null || fail "exit code $? with a wrong variable"
[ "$(grep -c 'none of auto, terminal, plain, json, off' "$work/errors")" = 1 ] || fail "$(cat "$work/errors")"
PARMAP_PROGRESS=json "$program" 2>"$work/errors" >/dev/null
tail -n 1 "$work/errors" | grep -q '^{"t":.*"done":100,"total":100,.*"state":"finished"}$' || fail "$(cat "$work/errors")"
if grep -q $'\x1b' "$work/errors"; then fail "an escape in a file"; fi
echo "the bar is as it should be"
