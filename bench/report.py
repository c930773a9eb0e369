#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes of map_bench's JSON files the table of ratios, the goals reached and missed, and the plot.

usage: report.py DIR [PLOT.svg]     DIR has a file a row of the table
"""

import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

# The rivals in the table's order, as rivals/*.hpp name them, with the names that the plot gives them.
RIVALS = {
    "serial": "serial loop",
    "threads": "std::thread, one share each",
    "index": "std::thread, one atomic index",
    "async": "std::async",
    "TBB": "tbb::parallel_for",
    "transform": "std::transform(par)",
    "OMP static": "OpenMP static",
    "OMP dynamic": "OpenMP dynamic",
    "Asio": "Boost.Asio thread_pool",
    "parmap": "parmap::map",
    "p::vector": "parmap::map_to<parmap::vector>",
    "watched": "parmap::map with bar, stop and timeout",
}
OURS = ["parmap", "p::vector", "watched"]
SPINNING = ["OMP static", "OMP dynamic"]  # their threads wait by burning CPU
IDEAL_ONLY = "the dearest Pareto item"
PARETO = ["10,000 Pareto, shuffled", "10,000 Pareto, ascending", "10,000 Pareto, descending"]


class Medians:
    """The median time in microseconds of every cell."""

    def __init__(self, directory):
        self.rows = {}
        for path in sorted(pathlib.Path(directory).glob("*.json")):
            report = json.loads(path.read_text(encoding="utf-8"))
            self.context = report["context"]
            for run in report["benchmarks"]:
                if run.get("aggregate_name") == "median":
                    workload, rival, _ = run["run_name"].split("/")
                    self.rows.setdefault(workload, {})[rival] = run["real_time"]
        if not self.rows:
            sys.exit(f"report.py: no medians below {directory}: run map_bench with --benchmark_repetitions")
        self.workers = int(self.context["workers"])

    def __call__(self, workload, rival):
        return self.rows.get(workload, {}).get(rival, math.nan)

    def workloads(self):
        return [row for row in WORKLOADS if row in self.rows]

    def best(self, workload):
        return min(self.rows[workload].values())

    def ideal_pareto(self, workload):
        return max(self(workload, "serial") / self.workers, self(IDEAL_ONLY, "serial"))


WORKLOADS = [
    "100 squares",
    "10,000 squares",
    "1,000,000 squares",
    "1,000,000 squares, warm output",
    "100,000,000 squares",
    "100,000,000 squares, warm output",
    "200,000 heap strings",
    "2 x 200 us",
    "3 x 200 us",
    "1,000 x 100 ns",
    "8,000 x 1 us",
    "8 maps of 1,000 x 1 us",
    "100,000 x 1 us",
    *PARETO,
]


def goals(us):
    """Yields what was to be reached: (what, figure, limit, unit)."""

    def ratio(workload, ours, limit, rival, base=None):
        base = base or workload
        other = f"{RIVALS[rival]}" + (f", {base}" if base != workload else "")
        return f"{workload}: {ours} over {other}", us(workload, ours) / us(base, rival), limit, "x"

    huge, warm = "100,000,000 squares", "100,000,000 squares, warm output"
    yield ratio(huge, "parmap", 0.25, "transform")
    yield ratio(huge, "p::vector", 0.16, "transform")
    yield ratio(huge, "p::vector", 1.5, "parmap", warm)
    yield ratio("1,000,000 squares", "p::vector", 0.7, "TBB")
    yield ratio("10,000 squares", "parmap", 0.55, "TBB")
    yield ratio("10,000 squares", "parmap", 0.5, "serial")
    yield ratio("100 squares", "parmap", 0.2, "TBB")
    yield "100 squares: parmap behind the serial loop", us("100 squares", "parmap") - us("100 squares", "serial"), 0.2, "us"
    yield best_rival(us, "1,000 x 100 ns", 1.03)
    yield ratio("2 x 200 us", "parmap", 1.03, "TBB")
    yield ratio("3 x 200 us", "parmap", 1.03, "TBB")
    yield ratio("100,000 x 1 us", "parmap", 1.01, "TBB")
    for row in PARETO:
        yield f"{row}: parmap over the ideal", us(row, "parmap") / us.ideal_pareto(row), 1.03, "x"
    yield ratio("200,000 heap strings", "parmap", 0.95, "TBB")
    yield ratio("1,000,000 squares, warm output", "parmap", 1.02, "TBB")
    yield ratio("8 maps of 1,000 x 1 us", "parmap", 1.05, "parmap", "8,000 x 1 us")
    for row in us.workloads():
        yield ratio(row, "watched", 1.01, "parmap")
    for row in us.workloads():
        yield not_behind(us, row)


def best_rival(us, workload, limit):
    rival = min((r for r in us.rows[workload] if r not in OURS), key=us.rows[workload].get)
    what = f"{workload}: parmap over the best rival, {RIVALS[rival]}"
    return what, us(workload, "parmap") / us(workload, rival), limit, "x"


def not_behind(us, workload):
    """Never more than 3 % or 0.3 us behind the best rival that does not wait by spinning."""
    rival = min((r for r in us.rows[workload] if r not in OURS + SPINNING), key=us.rows[workload].get)
    ours, best = us(workload, "parmap"), us(workload, rival)
    what = f"{workload}: parmap over the best that does not spin, {RIVALS[rival]}"
    return what, ours / best, max(1.03, 1 + 0.3 / best), "x"


def print_table(us):
    shown = [rival for rival in RIVALS if any(rival in us.rows[row] for row in us.workloads())]
    print("Time over the best of the row; medians of interleaved repetitions.\n")
    print(f"{'':32} {'best, us':>10}" + "".join(f"{rival:>12}" for rival in shown))
    for row in us.workloads():
        best = us.best(row)
        cells = "".join(f"{us(row, r) / best:12.2f}" if r in us.rows[row] else f"{'':12}" for r in shown)
        print(f"{row:32} {best:10.2f}{cells}")


def print_goals(us):
    print("\nGoals")
    missed = 0
    for what, figure, limit, unit in goals(us):
        if math.isnan(figure):
            verdict = "not run"
        elif figure <= limit:
            verdict = "reached"
        else:
            verdict, missed = "MISSED", missed + 1
        print(f"  {verdict:8} {figure:8.3f} {unit:2} (<= {limit:.3f})  {what}")
    print(f"{missed} missed")


# The plot: a line a workload, a mark a rival, on a logarithmic axis of the time over the best.

COLOURS = {
    "serial": "#8c8c8c", "threads": "#c49c6b", "index": "#8a5a2b", "async": "#d9a400", "TBB": "#0068b5",
    "transform": "#17a2a2", "OMP static": "#7a3fa0", "OMP dynamic": "#c07fe0", "Asio": "#3d8c40",
    "parmap": "#d62728", "p::vector": "#ff7f4f",
}
LEFT, TOP, LINE, WIDTH, RIGHT = 250, 66, 26, 640, 30
MOST = 100  # ratios beyond stand at the right edge


def x_of(ratio):
    return LEFT + WIDTH * math.log(min(ratio, MOST)) / math.log(MOST)


def svg(us):
    rows = us.workloads()
    bottom = TOP + LINE * len(rows)
    height, width = bottom + 118, LEFT + WIDTH + RIGHT
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222222" role="img">')
    yield f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    yield '<text x="20" y="26" font-size="16" font-weight="bold">Time over the best of the row: further left is faster</text>'
    machine = f'{us.workers} CPUs, {us.context["cpu"]}; g++ {us.context["compiler"]}, oneTBB {us.context["oneTBB"]}'
    yield f'<text x="20" y="46" fill="#666666">{escape(machine)}; medians of interleaved repetitions</text>'
    for tick in (1, 2, 5, 10, 20, 50, MOST):
        label = f"{tick}x" + (" and more" if tick == MOST else "")
        yield f'<line x1="{x_of(tick):.1f}" x2="{x_of(tick):.1f}" y1="{TOP}" y2="{bottom}" stroke="#dddddd"/>'
        yield f'<text x="{x_of(tick):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#666666">{label}</text>'
    for number, row in enumerate(rows):
        y = TOP + LINE * (number + 0.5)
        yield f'<text x="{LEFT - 14}" y="{y + 4:.1f}" text-anchor="end">{escape(row)}</text>'
        yield f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eeeeee"/>'
        for rival in (r for r in COLOURS if r in us.rows[row]):
            yield mark(rival, x_of(us(row, rival) / us.best(row)), y, us(row, rival) / us.best(row))
    for number, rival in enumerate(r for r in COLOURS if any(r in us.rows[row] for row in rows)):
        x, y = 30 + 225 * (number % 4), bottom + 46 + 22 * (number // 4)
        yield mark(rival, x, y)
        yield f'<text x="{x + 12}" y="{y + 4}">{escape(RIVALS[rival])}</text>'
    yield "</svg>"


def mark(rival, x, y, ratio=None):
    title = f"<title>{escape(RIVALS[rival])}: {ratio:.2f}x</title>" if ratio else ""
    if rival in OURS:
        points = f"{x:.1f},{y - 8:.1f} {x + 7:.1f},{y:.1f} {x:.1f},{y + 8:.1f} {x - 7:.1f},{y:.1f}"
        return f'<polygon points="{points}" fill="{COLOURS[rival]}" stroke="#ffffff">{title}</polygon>'
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLOURS[rival]}" fill-opacity="0.8" '
            f'stroke="#ffffff">{title}</circle>')


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    us = Medians(sys.argv[1])
    print_table(us)
    print_goals(us)
    if len(sys.argv) == 3:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write("\n".join(svg(us)) + "\n")


if __name__ == "__main__":
    main()
