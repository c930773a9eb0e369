// SPDX-License-Identifier: Apache-2.0
#include "scheduler/workers.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "system/cgroup_quota.hpp"
#include "system/process.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

std::optional<int> cpus_of_affinity()
{
    const auto mask = affinity_of_process();
    if (!mask) return std::nullopt;
    int cpus = 0;
    for (const std::uint64_t word : *mask) cpus += std::popcount(word);
    return cpus;
}

std::optional<int> whole_number(std::string_view text)
{
    int number{};
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end != last) return std::nullopt;
    return number;
}

// 0: not read yet. The limits are read once, since they are in a dozen files and a map may take less than 1 us.
std::atomic<int> known_cpus{0};

}  // namespace

cpu_limits limits_of(const platform& platform)
{
    cpu_limits limits{.hardware = std::max(1, platform.hardware)};
    limits.affinity = platform.affinity.value_or(limits.hardware);
    limits.quota = cgroup_quota(platform.root);
    if (const char* const text = platform.max_workers_variable) {
        limits.environment = whole_number(text);
        if (limits.environment.value_or(0) < 1) {
            throw std::invalid_argument(fmt::format(
                "PARMAP_MAX_WORKERS is \"{}\": set it to a whole number >= 1, or unset it", printable(text, true)));
        }
    }
    return limits;
}

int cpus_within(const cpu_limits& limits)
{
    int cpus = std::min(limits.hardware, limits.affinity);
    if (limits.quota && *limits.quota < cpus) cpus = static_cast<int>(std::ceil(*limits.quota));
    if (limits.environment) cpus = std::min(cpus, *limits.environment);
    return std::max(1, cpus);
}

void assume_cpus(int count)
{
    known_cpus.store(count, std::memory_order_relaxed);
}

}  // namespace detail

int num_cpus()
{
    int cpus = detail::known_cpus.load(std::memory_order_relaxed);
    if (cpus == 0) {
        cpus = detail::cpus_within(detect_cpu_limits());
        detail::known_cpus.store(cpus, std::memory_order_relaxed);
    }
    return cpus;
}

cpu_limits detect_cpu_limits()
{
    return detail::limits_of({
        .hardware = detail::cpus_online(),
        .affinity = detail::cpus_of_affinity(),
        .max_workers_variable = std::getenv("PARMAP_MAX_WORKERS"),
    });
}

std::string describe(const cpu_limits& limits)
{
    const int cpus = detail::cpus_within(limits);
    std::string text = fmt::format("{} CPU{} = min({} hardware, {} affinity", cpus, cpus == 1 ? "" : "s",
                                   limits.hardware, limits.affinity);
    if (limits.quota) text += fmt::format(", {:.3g} quota", *limits.quota);
    if (limits.environment) text += fmt::format(", {} PARMAP_MAX_WORKERS", *limits.environment);
    return text + ")";
}

}  // namespace parmap::inline v0_2
