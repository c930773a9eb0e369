// SPDX-License-Identifier: Apache-2.0
#include "mpi/agreement.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include <fmt/format.h>

#include <parmap/workers.hpp>

#include "system/process.hpp"

namespace parmap::inline v0_2::mpi::detail {

namespace {

template <std::size_t N>
std::string_view view(const std::array<char, N>& text)
{
    return {text.data(), ::strnlen(text.data(), N)};
}

std::string timeout_text(std::int64_t ns)
{
    return ns == std::numeric_limits<std::int64_t>::max() ? "none" : fmt::format("{} ns", ns);
}

std::string results_text(std::uint8_t where)
{
    return where == 0 ? "on_root" : "everywhere";
}

/// In what a rank differs, and the two values.
std::optional<std::string> difference_between(const hello& a, const hello& b)
{
    const auto differs = [](std::string_view what, const auto& mine, const auto& roots) {
        return fmt::format("{}: {}, not {}", what, mine, roots);
    };
    if (a.version != b.version) {
        return differs("the version of parmap", view(a.version), view(b.version));
    }
    if (a.kind != b.kind) return differs("the call", view(a.kind), view(b.kind));
    if (a.types != b.types) {
        return fmt::format("the types of the function or its results: its {} is another one", view(a.kind));
    }
    if (a.has_size != b.has_size) {
        return differs("who has the range", a.has_size != 0 ? "every rank" : "rank 0 (scatter)",
                       b.has_size != 0 ? "every rank" : "rank 0 (scatter)");
    }
    // A rank that could not read its range says so itself.
    const bool both_read = a.has_failed == 0 && b.has_failed == 0;
    if (a.has_size != 0 && both_read && a.size != b.size) {
        return differs("the size of the range", a.size, b.size);
    }
    if (a.results != b.results) {
        return differs("options::results", results_text(a.results), results_text(b.results));
    }
    if (a.timeout_ns != b.timeout_ns) {
        return differs("options::timeout", timeout_text(a.timeout_ns), timeout_text(b.timeout_ns));
    }
    if (a.grain_size != b.grain_size) return differs("options::grain_size", a.grain_size, b.grain_size);
    return std::nullopt;
}

template <class Visit>
void for_each_cpu(const hello& rank, const Visit& visit)
{
    for (std::size_t word = 0; word < rank.mask.size(); ++word) {
        for (std::uint64_t bits = rank.mask[word]; bits != 0; bits &= bits - 1) {
            visit(64 * word + static_cast<std::size_t>(std::countr_zero(bits)));
        }
    }
}

/// How much of each CPU in its mask a quota leaves. Ranks that may use the same CPUs are taken to share it, as they do in
/// a container.
double usable_part(const hello& rank)
{
    int cpus = 0;
    for_each_cpu(rank, [&](std::size_t) { ++cpus; });
    return rank.quota > 0 ? std::min(1.0, std::ceil(static_cast<double>(rank.quota)) / cpus) : 1.0;
}

/// The ranks of one machine that are to share its CPUs.
struct machine {
    std::vector<int> sharers{};  // of each CPU
    // CPUs' worth that the ranks of a mask have been given, in the order of ranks.
    std::map<decltype(hello::mask), double> dealt{};

    std::ptrdiff_t cpus_in_use() const
    {
        return std::ranges::count_if(sharers, [](int n) { return n != 0; });
    }
};

/// By their names.
using machines = std::map<std::string_view, machine>;

machines machines_of(std::span<const hello> ranks)
{
    machines all;
    for (const hello& rank : ranks) {
        if (rank.max_workers >= 0) continue;
        machine& its = all[view(rank.host)];
        its.sharers.resize(64 * rank.mask.size());
        for_each_cpu(rank, [&](std::size_t cpu) { ++its.sharers[cpu]; });
    }
    return all;
}

}  // namespace

std::optional<std::string> difference(std::span<const hello> ranks)
{
    for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
        if (const auto what = difference_between(ranks[rank], ranks[0])) {
            return fmt::format(
                "parmap::mpi: rank {} differs from rank 0 in {}: every rank makes the same call with the "
                "same range, "
                "function and options",
                rank, *what);
        }
    }
    return std::nullopt;
}

std::vector<int> workers_of(std::span<const hello> ranks)
{
    std::vector<int> workers;
    machines all = machines_of(ranks);
    for (const hello& rank : ranks) {
        if (rank.max_workers >= 0) {
            workers.push_back(std::clamp(rank.max_workers, 1, rank.cpus));
            continue;
        }
        // Of each CPU its part; what is left of whole CPUs goes to later ranks on the same CPUs.
        machine& its = all[view(rank.host)];
        double& dealt = its.dealt[rank.mask];
        const double before = dealt;
        const double usable = usable_part(rank);
        for_each_cpu(rank, [&](std::size_t cpu) { dealt += usable / its.sharers[cpu]; });
        constexpr double rounding = 1e-6;
        const double share = std::floor(dealt + rounding) - std::floor(before + rounding);
        workers.push_back(std::clamp(static_cast<int>(share), 1, rank.cpus));
    }
    return workers;
}

std::optional<std::string> binding_notice(std::span<const hello> ranks)
{
    const machines all = machines_of(ranks);
    // Where every CPU has its rank, there is nothing to be gained.
    const auto is_bound = [&](const hello& rank) {
        if (rank.max_workers >= 0) return false;
        int cpus = 0;
        for_each_cpu(rank, [&](std::size_t) { ++cpus; });
        return cpus == 1 && all.at(view(rank.host)).cpus_in_use() < rank.online;
    };
    const auto bound = std::ranges::count_if(ranks, is_bound);
    if (bound == 0) return std::nullopt;
    return fmt::format(
        "parmap::mpi: {} of {} ranks {} bound to one CPU: `mpirun --bind-to none` (or `--map-by node:PE=k`) "
        "gives a rank "
        "its CPUs",
        bound, ranks.size(), bound == 1 ? "is" : "are");
}

void describe_this_process(hello& self, std::optional<int> max_workers)
{
    self.max_workers = max_workers.value_or(-1);
    self.cpus = num_cpus();
    static const auto quota = static_cast<float>(detect_cpu_limits().quota.value_or(0));  // a dozen files
    self.quota = quota;
    self.online = parmap::detail::cpus_online();
    self.host = text_of<64>(parmap::detail::host_name(self.host.size() - 1));
    const auto mask = parmap::detail::affinity_of_process().value_or(std::vector<std::uint64_t>{});
    std::copy_n(mask.begin(), std::min(mask.size(), self.mask.size()), self.mask.begin());
}

}  // namespace parmap::inline v0_2::mpi::detail
