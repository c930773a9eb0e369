#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# report prints what sha256sum and wc print, on a tree with unusual names and contents.
#   report_test.sh PROGRAM
# shellcheck source-path=SCRIPTDIR source=examples.sh
. "$(dirname "$0")/examples.sh"

tree=$work/tree
mkdir -p "$tree/sub/deep" "$tree/empty dir"
declare -A type_of

# make TYPE NAME: makes a file of that type from standard input.
make() {
    cat >"$tree/$2"
    type_of[$tree/$2]=$1
}
# make_of TYPE FORMAT...: makes a file of that type from each format of printf.
make_of() {
    local type=$1 format
    shift
    for format in "$@"; do
        # shellcheck disable=SC2059
        make "$type" "sub/deep/file${#type_of[@]}" < <(printf "$format")
    done
}

make empty "nothing" </dev/null
make "ASCII text" "two words  and more" <<<"text"
make "ASCII text" "sub/-dash" <<<"odd"
make "ASCII text" "sub/back\\slash" <<<"odd"
make "ASCII text" "sub/new"$'\n'"line" <<<"odd"
make "ASCII text" "sub/carriage"$'\r'"return" <<<"odd"
make "ASCII text" "sub/\"quotes'" <<<"odd"
make_of "ASCII text" 'no\nnewline at the end' '\n\n\n' '\177\001' '!<arch>' '#' 'PK'
make_of "UTF-8 text" 'gr\xc3\xbcn\n' '\xe2\x82\xac\n\n' '\xf0\x9f\x98\x80' '\xef\xbf\xbd\xf4\x8f\xbf\xbf\xed\x9f\xbf'
# cut off; without a first byte; overlong; a surrogate; beyond Unicode; not continued
make_of binary 'gr\xc3' '\xe2\x82' '\x80' '\xc0\xaf' '\xe0\x80\x80' '\xf0\x80\x80\x80' '\xed\xa0\x80' \
    '\xf4\x90\x80\x80' '\xf5\x80\x80\x80' '\xff' '\xe2\x82 ' 'a\0b' 'late\n\0\n'
make_of "sh script" '#!/bin/sh\necho\n' '#! /usr/bin/env sh' '#!/bin/sh -e\r\necho\r\n' '#!/bin/sh\n\xff\0'
make_of "python3.11 script" '#!/usr/bin/env\tpython3.11'
make_of script '#!' '#!\n/bin/sh' '#!/bin/"\n' '#!/usr/bin/env -S sh\n' '#!sh' '#!/usr/bin/env\nsh' '#!/an/interpreter_of_a_long_name'
make_of ELF '\177ELF\002'
make_of "ar archive" '!<arch>\n'
make_of zip 'PK\003\004\n'
make_of xz '\xfd7zXZ\0'
make_of PNG '\x89PNG\r\n\x1a\n\0'
make_of JPEG '\xff\xd8\xff\xe0'
make_of PDF '%%PDF-1.4\n'
make gzip "sub/text.txt" < <(gzip <<<"text")
# longer than one buffer: a character across its end, a byte far behind it that is not text
make "UTF-8 text" "sub/across" < <(head -c 65535 /dev/zero | tr '\0' a && printf '\xc3\xbc\n')
make binary "sub/late" < <(head -c 1000000 /dev/zero | tr '\0' '\n' && printf '\xff')
make binary "sub/large.bin" < <(printf '\0' && head -c 1000000 /dev/urandom)
ln -s nothing "$tree/link"
mkfifo "$tree/pipe"

# expected_report [WITHOUT]: prints the right report of the tree, without one file, by sha256sum and wc.
expected_report() {
    local path sum lines bytes type all_files=0 all_lines=0 all_bytes=0 lines_width type_width=4
    local -A files_of=() lines_of=() bytes_of=()
    local paths=()
    while IFS= read -r -d '' path; do
        [ "$path" != "${1-}" ] || continue
        paths+=("$path")
        read -r lines bytes < <(wc -lc <"$path")
        type=${type_of[$path]}
        files_of[$type]=$((${files_of[$type]-0} + 1))
        lines_of[$type]=$((${lines_of[$type]-0} + lines))
        bytes_of[$type]=$((${bytes_of[$type]-0} + bytes))
        all_files=$((all_files + 1))
        all_lines=$((all_lines + lines))
        all_bytes=$((all_bytes + bytes))
        [ ${#type} -le "$type_width" ] || type_width=${#type}
    done < <(find "$tree" -type f -print0 | sort -z)
    lines_width=${#all_lines}
    [ "$lines_width" -ge 5 ] || lines_width=5

    printf '%-64s  %*s  %-*s  %s\n' sha256 "$lines_width" lines "$type_width" type path
    for path in "${paths[@]}"; do
        sum=$(sha256sum "$path")
        sum=${sum#\\} # which marks escaped names
        printf '%s  %*d  %-*s  %s\n' "${sum%%  *}" "$lines_width" "$(wc -l <"$path")" "$type_width" \
            "${type_of[$path]}" "${sum#*  }"
    done
    printf '\n%5s  %*s  %*s  type\n' files "$lines_width" lines ${#all_bytes} bytes
    for type in "${!files_of[@]}"; do
        printf '%5d  %*d  %*d  %s\n' "${files_of[$type]}" "$lines_width" "${lines_of[$type]}" ${#all_bytes} \
            "${bytes_of[$type]}" "$type"
    done | sort -k 1.$((5 + 2 + lines_width + 2 + ${#all_bytes} + 2 + 1))
    printf '%5d  %*d  %*d  all\n' $all_files "$lines_width" $all_lines ${#all_bytes} $all_bytes
}

# expect_report [WITHOUT]: the last output is the right report.
expect_report() {
    expected_report "$@" >"$work/expected"
    diff "$work/expected" "$work/actual" || fail "another report than sha256sum and wc give"
}

succeeds "$program" "$tree"
expect_report
for workers in 0 1 2 8; do
    succeeds "$program" --workers $workers "$tree"
    cmp "$work/expected" "$work/actual" || fail "another report on $workers workers"
done

# The graph of the run
succeeds "$program" --dot "$work/graph.dot" "$tree"
cmp "$work/expected" "$work/actual" || fail "another report with --dot"
for step in "list files" hash "count lines" "detect types" join "add up" "lay out"; do
    grep -q "label=\"$step\\\\n.*palegreen" "$work/graph.dot" || fail "no step '$step': $(cat "$work/graph.dot")"
done
grep -q "label=\"hash\\\\n${#type_of[@]} items, " "$work/graph.dot" || fail "$(cat "$work/graph.dot")"
if command -v dot >/dev/null; then
    dot -Tsvg "$work/graph.dot" >"$work/graph.svg" 2>"$work/errors" || fail "dot: $(cat "$work/errors")"
    grep -q "detect types" "$work/graph.svg" || fail "the picture lacks a step"
else
    echo "the picture: not tested, because graphviz is missing"
fi
fails_with "$work/missing/graph.dot: the graph could not be written\$" "$program" --dot "$work/missing/graph.dot" "$tree"
cmp "$work/expected" "$work/actual" || fail "lines were lost"

# What cannot be read is reported at the end, and all else is printed.
fails_with "$work/missing: No such file or directory\$" "$program" "$tree" "$work/missing"
cmp "$work/expected" "$work/actual" || fail "lines were lost"
if can_be_denied; then
    chmod 000 "$tree/sub/late" "$tree/empty dir"
    exits_with 1 as_user "$program" "$tree"
    chmod 644 "$tree/sub/late"
    expect_report "$tree/sub/late"
    printf "report: $tree/%s: Permission denied\n" "empty dir" "sub/late" | cmp - "$work/errors" || fail "$(cat "$work/errors")"
    chmod 755 "$tree/empty dir"
fi

# Nothing to report
succeeds "$program" "$tree/empty dir"
[ "$(awk '{ $1 = $1 } 1' "$work/actual")" = "sha256 lines type path

files lines bytes type
0 0 0 all" ] || fail "$(cat "$work/actual")"

refuses "" "--workers" "--workers x $tree" "--workers -1 $tree" "--dot" "--dot $work/graph.dot" "--what $tree"
names_a_bad_variable --dot "$work/graph.dot" "$tree"
[ "$(grep -c "fillcolor=white" "$work/graph.dot")" = 7 ] || fail "a graph that did not run: $(cat "$work/graph.dot")"
if can_fill_disk; then fails_with "the output could not be written\$" on_full_disk "$program" "$tree"; fi
echo "report: as sha256sum and wc"
