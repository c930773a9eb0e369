#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The worker count in cgroups with half a CPU and with one and a half, where this process may make cgroups. What a map
# reaches there is printed, and not tested: the machine has other work.
#   quota_test.sh PROGRAM
set -euo pipefail
program=$1
unset PARMAP_MAX_WORKERS
cpus=$(nproc)

skip() {
    echo "SKIPPED: $*"
    exit 0
}

# A group below this process's own, of the version that can limit CPU time here.
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

# expect QUOTA_US WORDS: what the program says of a group with that quota, as a regular expression
expect() {
    limit "$1"
    local said
    said=$(sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2"' sh "$group" "$program")
    echo "$said"
    grep -Eq "^$2\$" <<<"$said" || { echo "FAILED: expected $2"; exit 1; }
}
expect 50000 '1 CPU = min\([0-9]+ hardware, [0-9]+ affinity, 0\.5 quota\)'
workers="2 CPUs"
[ "$cpus" != 1 ] || workers="1 CPU"
expect 150000 "$workers = min\\([0-9]+ hardware, [0-9]+ affinity, 1\\.5 quota\\)"
