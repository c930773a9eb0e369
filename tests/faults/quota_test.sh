#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The worker count in cgroups with half a CPU and with one and a half, where this process may make cgroups. The speed of
# a map there is printed and not tested: other programs use the machine too.
#   quota_test.sh PROGRAM
set -euo pipefail
program=$1
unset PARMAP_MAX_WORKERS
cpus=$(nproc)

skip() {
    echo "SKIPPED: $*"
    exit 0
}

# A group below this process's own, in the cgroup version that can limit CPU time here.
v1=$(awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ { print $2; exit }' /proc/mounts)
v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
if [ -n "$v1" ]; then
    own=$v1$(awk -F: '$2 ~ /(^|,)cpu(,|$)/ { print $3; exit }' /proc/self/cgroup)
    limit() { echo "$1" >"$group/cpu.cfs_quota_us"; }
elif [ -n "$v2" ]; then
    own=$v2$(awk -F: '$1 == 0 { print $3; exit }' /proc/self/cgroup)
    limit() { echo "$1 100000" >"$group/cpu.max"; }
else
    skip "no cgroups are mounted"
fi
group=$(mktemp -d "${own%/}/parmap-quota-XXXXXX" 2>/dev/null) || skip "no cgroup can be made below $own"
trap 'rmdir "$group"' EXIT
limit 50000 2>/dev/null || skip "CPU time cannot be limited in $group"

# expect QUOTA_US REGEX: the output of the program in a group with that quota has a line that matches
expect() {
    limit "$1"
    local output
    output=$(sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2"' sh "$group" "$program")
    echo "$output"
    grep -Eq "^$2\$" <<<"$output" || { echo "FAILED: expected $2"; exit 1; }
}
expect 50000 '1 CPU = min\([0-9]+ hardware, [0-9]+ affinity, 0\.5 quota\)'
workers="2 CPUs"
[ "$cpus" != 1 ] || workers="1 CPU"
expect 150000 "$workers = min\\([0-9]+ hardware, [0-9]+ affinity, 1\\.5 quota\\)"
