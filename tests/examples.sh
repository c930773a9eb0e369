# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Shared by the tests of the examples. A test sources it; its first argument is the program.
set -euo pipefail
program=$1
name=$(basename "$program")
export LC_ALL=C
export PARMAP_PROGRESS=off # a slow machine would show a bar
work=$(mktemp -d)
# Tests remove permissions.
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# exits_with CODE COMMAND...: leaves stdout in $work/actual and stderr in $work/errors.
exits_with() {
    local expected=$1 rc=0
    shift
    "$@" >"$work/actual" 2>"$work/errors" || rc=$?
    [ $rc = "$expected" ] || fail "exit code $rc, not $expected: $* ($(cat "$work/errors"))"
}

# succeeds COMMAND...: exits with 0 and prints nothing on stderr.
succeeds() {
    exits_with 0 "$@"
    [ ! -s "$work/errors" ] || fail "stderr of $*: $(cat "$work/errors")"
}

# fails_with MESSAGE COMMAND...: exits with 1 and prints one line on stderr: the program's name and MESSAGE, a regular
# expression.
fails_with() {
    local message=$1
    shift
    exits_with 1 "$@"
    grep -q "^$name: $message" "$work/errors" || fail "$(cat "$work/errors"), not '$message'"
    [ "$(wc -l <"$work/errors")" = 1 ] || fail "more than '$message': $(cat "$work/errors")"
}

# refuses ARGUMENTS...: the program prints its usage for each string of arguments, and for --help.
refuses() {
    local arguments
    for arguments in "$@"; do
        # shellcheck disable=SC2086
        exits_with 2 "$program" $arguments </dev/null
        grep -q "^usage: $name" "$work/errors" || fail "no usage for arguments '$arguments'"
        [ ! -s "$work/actual" ] || fail "output for arguments '$arguments'"
    done
    "$program" --help | grep -q "^usage: $name" || fail "no help"
}

# names_a_bad_variable ARGUMENT...: with these right arguments, a bad PARMAP_MAX_WORKERS is named without the usage.
names_a_bad_variable() {
    fails_with 'PARMAP_MAX_WORKERS is "many"' env PARMAP_MAX_WORKERS=many "$program" "$@"
}

# on_full_disk COMMAND...: runs it with a full disk as stdout; only where can_fill_disk.
can_fill_disk() { [ -w /dev/full ]; }
on_full_disk() { "$@" >/dev/full; }

# as_user COMMAND...: runs it without root's right to read everything; only where can_be_denied.
as_user() {
    if [ "$(id -u)" != 0 ]; then "$@"; else setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; fi
}
can_be_denied() {
    chmod 755 "$work"
    as_user test -x "$program" 2>/dev/null && return
    echo "unreadable files: not tested, because only root can run the program"
    return 1
}
