#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints which share of the lines and branches of the library the tests run, and each line that they do not, or of which
they do not take every branch, with the reason that not_covered.txt gives for the function. Exit code 1 when it gives none,
or one for a function that is not there.

A branch is where the source decides: what the compiler adds for exceptions and temporaries is not counted.

usage: coverage.py REPORT.json NOT_COVERED.txt     REPORT as gcovr --json writes it, from the project's root
"""

import collections
import json
import pathlib
import re
import sys

from cpp_source import functions_by_line

DECIDES = re.compile(r"^(?!//).*(\b(if|for|while|switch)\b|\?|&&|\|\|)")


def reasons_in(path):
    """The reason for each (file, function). A comment is the reason for all lines below it, up to the next."""
    reasons, reason, ended = {}, "", True
    for line in pathlib.Path(path).read_text().splitlines():
        if not line.strip():
            ended = True
        elif line.startswith("#"):
            part = line.lstrip("# ")
            reason, ended = (part if ended else f"{reason} {part}"), False
        elif line:
            file, function = line.split(": ", 1)
            reasons[file, function], ended = reason, True
    return reasons


def share(part, whole):
    return f"{100 * part / whole:5.1f} %" if whole else "      -"


def main(report, not_covered):
    reasons = reasons_in(not_covered)
    named, unnamed, sums = collections.defaultdict(list), [], collections.Counter()
    print(f"{'':44} {'lines':>9} {'branches':>9}")
    for file in sorted(json.loads(pathlib.Path(report).read_text())["files"], key=lambda file: file["file"]):
        name = file["file"]
        texts = pathlib.Path(name).read_text().splitlines()
        functions = functions_by_line(pathlib.Path(name))
        lines = [line for line in file["lines"] if not line["gcovr/noncode"]]
        missed = {line["line_number"]: line["count"] == 0 for line in lines if line["count"] == 0}
        counts = collections.Counter(lines=len(lines), run=len(lines) - len(missed))
        for line in lines:
            if not DECIDES.match(texts[line["line_number"] - 1].strip()): continue
            branches = [branch["count"] != 0 for branch in line["branches"] if not branch["throw"]]
            counts.update(branches=len(branches), taken=sum(branches))
            if not all(branches): missed.setdefault(line["line_number"], False)
        sums.update(counts)
        print(f"{name:44} {share(counts['run'], counts['lines']):>9} {share(counts['taken'], counts['branches']):>9}")
        for number, whole in sorted(missed.items()):
            function = functions.get(number, "")
            place = f"  {name}:{number}: {function}:{'' if whole else ' (a branch)'} {texts[number - 1].strip()}"
            reason = reasons.get((name, function))
            named[reason].append(place) if reason else unnamed.append(place)
    print(f"{'all':44} {share(sums['run'], sums['lines']):>9} {share(sums['taken'], sums['branches']):>9}")

    for reason, places in named.items():
        print(f"\nNot covered: {reason}", *places, sep="\n")
    stale = [f"  {file}: {function}" for file, function in reasons
             if not pathlib.Path(file).exists() or function not in functions_by_line(pathlib.Path(file)).values()]
    if stale:
        print(f"\nNamed in {not_covered}, but not there:", *stale, sep="\n")
    if unnamed:
        print(f"\nNot covered, and {not_covered} does not say why:", *unnamed, sep="\n")
    return 1 if unnamed or stale else 0


if len(sys.argv) != 3:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
