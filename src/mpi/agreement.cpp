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

/// In what a rank differs from rank 0, and the two values.
std::optional<std::string> difference_between(const rank_record& rank, const rank_record& root)
{
    std::optional<std::string> first;
    const auto compare = [&](std::string_view what, const auto& field, const auto& text_of_value) {
        if (first || rank.*field == root.*field) return;
        first = fmt::format("{}: {}, not {}", what, text_of_value(rank.*field), text_of_value(root.*field));
    };
    const auto text = [](const auto& value) { return view(value); };
    const auto number = [](auto value) { return value; };
    compare("the version of parmap", &rank_record::version, text);
    compare("the call", &rank_record::kind, text);
    if (!first && rank.types != root.types) {
        first = fmt::format("the types of the function or its results: its {} is another one", view(rank.kind));
    }
    compare("which ranks have the range", &rank_record::has_size,
            [](std::uint8_t all) { return all != 0 ? "every rank" : "rank 0 (scatter)"; });
    // A rank that could not read its range reports that instead.
    const bool both_read = rank.has_failed == 0 && root.has_failed == 0;
    if (rank.has_size != 0 && both_read) compare("the size of the range", &rank_record::size, number);
    compare("options::results", &rank_record::results,
            [](std::uint8_t where) { return where == 0 ? "on_root" : "everywhere"; });
    compare("options::timeout", &rank_record::timeout_ns, timeout_text);
    compare("options::grain_size", &rank_record::grain_size, number);
    return first;
}

template <class Visit>
void for_each_cpu(const rank_record& rank, const Visit& visit)
{
    for (std::size_t word = 0; word < rank.mask.size(); ++word) {
        for (std::uint64_t bits = rank.mask[word]; bits != 0; bits &= bits - 1) {
            visit(64 * word + static_cast<std::size_t>(std::countr_zero(bits)));
        }
    }
}

int cpus_in_mask(const rank_record& rank)
{
    int cpus = 0;
    for (const std::uint64_t word : rank.mask) cpus += std::popcount(word);
    return cpus;
}

/// How much of each CPU in its mask a quota leaves. Ranks with the same CPUs are taken to share one quota, as in a
/// container.
double usable_part(const rank_record& rank)
{
    return rank.quota > 0 ? std::min(1.0, std::ceil(static_cast<double>(rank.quota)) / cpus_in_mask(rank)) : 1.0;
}

/// The ranks of one machine that share its CPUs.
struct machine {
    std::vector<int> sharers{};  // of each CPU
    // CPUs' worth that the ranks of a mask have got, in the order of ranks.
    std::map<decltype(rank_record::mask), double> assigned{};
};

/// By their host names.
using machines = std::map<std::string_view, machine>;

machines machines_of(std::span<const rank_record> ranks)
{
    machines all;
    for (const rank_record& rank : ranks) {
        if (rank.max_workers >= 0) continue;
        machine& its = all[view(rank.host)];
        its.sharers.resize(64 * rank.mask.size());
        for_each_cpu(rank, [&](std::size_t cpu) { ++its.sharers[cpu]; });
    }
    return all;
}

}  // namespace

std::optional<std::string> difference(std::span<const rank_record> ranks)
{
    for (std::size_t rank = 1; rank < ranks.size(); ++rank) {
        if (const auto what = difference_between(ranks[rank], ranks[0])) {
            return fmt::format(
                "parmap::mpi: rank {} differs from rank 0 in {}: every rank makes the same call with the same range, "
                "function and options",
                rank, *what);
        }
    }
    return std::nullopt;
}

std::vector<int> workers_of(std::span<const rank_record> ranks)
{
    std::vector<int> workers;
    machines all = machines_of(ranks);
    for (const rank_record& rank : ranks) {
        if (rank.max_workers >= 0) {
            workers.push_back(std::clamp(rank.max_workers, 1, rank.cpus));
            continue;
        }
        // Of each CPU its part. Fractions that add up to a whole CPU go to later ranks with the same mask.
        machine& its = all[view(rank.host)];
        double& assigned = its.assigned[rank.mask];
        const double before = assigned;
        const double usable = usable_part(rank);
        for_each_cpu(rank, [&](std::size_t cpu) { assigned += usable / its.sharers[cpu]; });
        constexpr double rounding = 1e-6;
        const double share = std::floor(assigned + rounding) - std::floor(before + rounding);
        workers.push_back(std::clamp(static_cast<int>(share), 1, rank.cpus));
    }
    return workers;
}

std::optional<std::string> binding_notice(std::span<const rank_record> ranks)
{
    const machines all = machines_of(ranks);
    // Nothing is gained where every CPU has its rank.
    const auto is_bound = [&](const rank_record& rank) {
        if (rank.max_workers >= 0 || cpus_in_mask(rank) != 1) return false;
        const std::vector<int>& sharers = all.at(view(rank.host)).sharers;
        return std::ranges::count_if(sharers, [](int n) { return n != 0; }) < rank.online;
    };
    const auto bound = std::ranges::count_if(ranks, is_bound);
    if (bound == 0) return std::nullopt;
    return fmt::format(
        "parmap::mpi: {} of {} ranks {} bound to one CPU: `mpirun --bind-to none` (or `--map-by node:PE=k`) gives a "
        "rank its CPUs",
        bound, ranks.size(), bound == 1 ? "is" : "are");
}

void describe_this_process(rank_record& self, std::optional<int> max_workers)
{
    self.max_workers = max_workers.value_or(-1);
    self.cpus = num_cpus();
    static const auto quota = static_cast<float>(detect_cpu_limits().quota.value_or(0));  // reads a dozen files
    self.quota = quota;
    self.online = parmap::detail::cpus_online();
    self.host = text_of<64>(parmap::detail::host_name(self.host.size() - 1));
    const auto mask = parmap::detail::affinity_of_process().value_or(std::vector<std::uint64_t>{});
    std::copy_n(mask.begin(), std::min(mask.size(), self.mask.size()), self.mask.begin());
}

}  // namespace parmap::inline v0_2::mpi::detail
