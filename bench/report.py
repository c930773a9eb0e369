#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes of map_bench's JSON files the tables of ratios, the goals reached and missed, and the plot.

usage: report.py DIR [PLOT.svg]     DIR has a file a row of the tables
"""

import json
import math
import pathlib
import random
import statistics
import sys
from xml.sax.saxutils import escape

# The rivals in the tables' order, as rivals/*.hpp name them, with the names that the plot gives them.
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
    "accumulate": "std::accumulate",
    "TBB by 1": "tbb::parallel_deterministic_reduce",
    "TBB by 10k": "tbb::parallel_deterministic_reduce in grains of 10,000",
    "reduce": "std::transform_reduce(par)",
    "map_reduce": "parmap::map_reduce",
    "loop": "serial loop",
    "pipeline": "tbb::parallel_pipeline",
    "stream": "parmap::stream",
    "flow graph": "tbb::flow::graph",
    "task_graph": "parmap::task_graph",
}
OURS = ["parmap", "p::vector", "watched"]
SPINNING = ["OMP static", "OMP dynamic"]  # their threads wait by burning CPU
DEAREST = "the dearest Pareto item"
PARETO = ["10,000 Pareto, shuffled", "10,000 Pareto, ascending", "10,000 Pareto, descending"]


class Times:
    """What every repetition of every cell took, in microseconds; called, the median of a cell."""

    def __init__(self, directory):
        self.rows = {}
        for path in sorted(pathlib.Path(directory).glob("*.json")):
            report = json.loads(path.read_text(encoding="utf-8"))
            self.context = report["context"]
            for run in report["benchmarks"]:
                if run["run_type"] == "iteration":
                    workload, rival, _ = run["run_name"].split("/")
                    self.rows.setdefault(workload, {}).setdefault(rival, []).append(run["real_time"])
        if not self.rows:
            sys.exit(f"report.py: no results of map_bench in {directory}: ./dev bench makes them")
        self.workers = int(self.context["workers"])

    def __call__(self, workload, rival):
        return statistics.median(self.rows.get(workload, {}).get(rival, [math.nan]))

    def workloads(self, table):
        return [row for row in table if row in self.rows]

    def rivals(self, workload, without=()):
        return [rival for rival in RIVALS if rival in self.rows.get(workload, {}) and rival not in without]

    def fastest(self, workload, without=()):
        return min(self.rivals(workload, without), key=lambda rival: self(workload, rival), default="serial")

    def best(self, workload):
        return self(workload, self.fastest(workload))

    def resampled(self, chance):
        """Other repetitions that might have been: each cell's drawn from its own, with replacement."""
        other = object.__new__(Times)
        other.workers = self.workers
        other.rows = {
            workload: {rival: chance.choices(times, k=len(times)) for rival, times in row.items()}
            for workload, row in self.rows.items()
        }
        return other


# Each table has rivals of its own; the plot shows the first.
MAPS = [
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
SUMS = ["100,000,000 doubles summed"]
STREAMS = ["1,000,000 x 1 us streamed", "1,000,000 x 1 ns streamed"]
STEPS = ["100,000 steps of 1 us in a chain", "100,000 steps of 1 us in a fan"]
SIDE_BY_SIDE = "60 ms beside 14,000 x 10 us"
GRAPHS = [row + suffix for row in STEPS for suffix in ("", ", run again")] + [SIDE_BY_SIDE]
TABLES = [MAPS, SUMS, STREAMS, GRAPHS]


def goals(us):
    """Yields what was to be reached: (what, figure as a function of the times, limit, unit)."""

    def over(workload, ours, limit, rival, base=None):
        base = base or workload
        other = RIVALS[rival] + (f", {base}" if base != workload else "")
        return f"{workload}: {ours} over {other}", lambda t: t(workload, ours) / t(base, rival), limit, "x"

    def over_ideal(workload):
        def figure(t):
            return t(workload, "parmap") / max(t(workload, "serial") / t.workers, t(DEAREST, "serial"))

        return f"{workload}: parmap over max(sum / workers, the dearest)", figure, 1.03, "x"

    huge, warm = "100,000,000 squares", "100,000,000 squares, warm output"
    yield over(huge, "parmap", 0.25, "transform")
    yield over(huge, "p::vector", 0.16, "transform")
    yield over(huge, "p::vector", 1.5, "parmap", warm)
    yield over("1,000,000 squares", "p::vector", 0.7, "TBB")
    yield over("10,000 squares", "parmap", 0.55, "TBB")
    yield over("10,000 squares", "parmap", 0.5, "serial")
    yield over("100 squares", "parmap", 0.2, "TBB")
    yield ("100 squares: parmap behind the serial loop",
           lambda t: t("100 squares", "parmap") - t("100 squares", "serial"), 0.2, "us")
    hundred_ns = "1,000 x 100 ns"
    yield over(hundred_ns, "parmap", 1.03, us.fastest(hundred_ns, OURS))
    yield over("2 x 200 us", "parmap", 1.03, "TBB")
    yield over("3 x 200 us", "parmap", 1.03, "TBB")
    yield over("100,000 x 1 us", "parmap", 1.01, "TBB")
    yield from map(over_ideal, PARETO)
    yield over("200,000 heap strings", "parmap", 0.95, "TBB")
    yield over("1,000,000 squares, warm output", "parmap", 1.02, "TBB")
    yield over("8 maps of 1,000 x 1 us", "parmap", 1.05, "parmap", "8,000 x 1 us")
    for row in SUMS:
        yield over(row, "map_reduce", 1.05, min("TBB by 1", "TBB by 10k", key=lambda rival: us(row, rival)))
    for row, limit in zip(STREAMS, [1.05, 1.00]):
        yield over(row, "stream", limit, "pipeline")
    for row in GRAPHS:
        if row != SIDE_BY_SIDE:
            yield over(row, "task_graph", 1.05, "flow graph")
    yield (f"{SIDE_BY_SIDE}: task_graph over sum / workers",
           lambda t: t(SIDE_BY_SIDE, "task_graph") / (t(SIDE_BY_SIDE, "loop") / t.workers), 1.05, "x")
    for row in us.workloads(MAPS):
        yield over(row, "watched", 1.01, "parmap")
    # Never more than 3 % or 0.3 us behind the best rival that does not wait by spinning.
    for row in us.workloads(MAPS):
        rival = us.fastest(row, OURS + SPINNING)
        yield over(row, "parmap", max(1.03, 1 + 0.3 / us(row, rival)), rival)


def print_tables(us):
    print("Time over the best of the row; medians of interleaved repetitions.")
    for rows in filter(None, map(us.workloads, TABLES)):
        shown = [rival for rival in RIVALS if any(rival in us.rows[row] for row in rows)]
        print(f"\n{'':32} {'best, us':>10}" + "".join(f"{rival:>12}" for rival in shown))
        for row in rows:
            best = us.best(row)
            cells = "".join(f"{us(row, r) / best:12.2f}" if r in us.rows[row] else f"{'':12}" for r in shown)
            print(f"{row:32} {best:10.2f}{cells}")


def print_goals(us):
    chance = random.Random(42)
    others = [us.resampled(chance) for _ in range(400)]
    print("\nGoals, with the interval that holds 95 % of the figures of resampled repetitions")
    missed = 0
    for what, figure, limit, unit in goals(us):
        value = figure(us)
        if math.isnan(value):
            continue  # a row that was not run
        verdict = "reached" if value <= limit else "MISSED"
        missed += verdict == "MISSED"
        low, *_, high = statistics.quantiles((figure(other) for other in others), n=40)
        print(f"  {verdict} {value:6.3f} [{low:.3f}, {high:.3f}] {unit} (<= {limit:.3f})  {what}")
    print(f"{missed} missed")


# The plot: a line a workload, a mark a rival, on a logarithmic axis of the time over the best.

COLOURS = {
    "serial": "#8c8c8c", "threads": "#c49c6b", "index": "#8a5a2b", "async": "#d9a400", "TBB": "#0068b5",
    "transform": "#17a2a2", "OMP static": "#7a3fa0", "OMP dynamic": "#c07fe0", "Asio": "#3d8c40",
    "parmap": "#d62728", "p::vector": "#ff7f4f",
}
LEFT, TOP, LINE, WIDTH, RIGHT = 270, 66, 26, 620, 30
MOST = 100  # ratios beyond stand at the right edge


def x_of(ratio):
    return LEFT + WIDTH * math.log(min(ratio, MOST)) / math.log(MOST)


def svg(us):
    rows = us.workloads(MAPS)
    bottom = TOP + LINE * len(rows)
    height, width = bottom + 118, LEFT + WIDTH + RIGHT
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222222" role="img">')
    yield f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    yield '<text x="20" y="26" font-size="16" font-weight="bold">Time over the best of the row: further left is faster</text>'
    machine = f'{us.workers} CPUs, {us.context["cpu"]}; g++ {us.context["compiler"]}, oneTBB {us.context["oneTBB"]}'
    yield f'<text x="20" y="46" fill="#666666">{escape(machine)}; medians of interleaved repetitions</text>'
    for tick in (1, 2, 5, 10, 20, 50, MOST):
        label = f"{tick}x" + ("+" if tick == MOST else "")
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
    us = Times(sys.argv[1])
    print_tables(us)
    print_goals(us)
    if len(sys.argv) == 3:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write("\n".join(svg(us)) + "\n")


if __name__ == "__main__":
    main()
