// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#if defined(__linux__)
#    include <sched.h>
#endif

#include "cell_width.hpp"
#include "cpu_limits.hpp"

namespace parmap {

namespace detail {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

template <class Number>
std::optional<Number> parse(std::string_view text)
{
    Number number{};
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    if (error != std::errc{} || end != last) return std::nullopt;
    return number;
}

bool contains(const std::vector<std::string>& words, std::string_view word)
{
    return std::ranges::find(words, word) != words.end();
}

/// A path as mountinfo writes it: blank, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int code = 0;
        if (text[i] == '\\' && i + 3 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3) {
            plain += static_cast<char>(code);
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

/// The lines of a file, as far as it can be read.
class lines_of {
public:
    explicit lines_of(const fs::path& file) : stream_(file)
    {
        // A stream takes lack of memory for the end of the file, unless it is told to throw.
        stream_.exceptions(std::ios::badbit);
    }

    bool next(std::string& line)
    {
        try {
            return static_cast<bool>(std::getline(stream_, line));
        } catch (const std::ios::failure&) {
            return false;
        }
    }

private:
    std::ifstream stream_;
};

std::string first_line(const fs::path& file)
{
    std::string line;
    lines_of(file).next(line);
    return line;
}

/// CPUs' worth of time that one cgroup's own files allow; empty where they set no limit.
std::optional<double> quota_in(const fs::path& group, bool unified)
{
    std::vector<std::string> words;  // quota and period, in microseconds
    if (unified) {
        words = split(first_line(group / "cpu.max"), ' ');  // "150000 100000", or "max 100000"
    } else {
        words = {first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us")};
    }
    if (words.size() != 2) return std::nullopt;
    const auto quota = parse<long long>(words[0]);
    const auto period = parse<long long>(words[1]);
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// Where a cgroup hierarchy that can limit CPU time is mounted.
struct cgroup_mount {
    bool unified;   // cgroup v2
    fs::path root;  // the group that is mounted
    fs::path point;
};

// "36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup2 cgroup rw,nsdelegate"
std::vector<cgroup_mount> cgroup_mounts(const fs::path& root)
{
    std::vector<cgroup_mount> mounts;
    lines_of mountinfo(root / "proc/self/mountinfo");
    for (std::string line; mountinfo.next(line);) {
        const std::vector<std::string> words = split(line, ' ');
        const auto dash = std::ranges::find(words, "-");
        if (words.size() < 5 || std::distance(dash, words.end()) < 4) continue;
        const bool unified = dash[1] == "cgroup2";
        const bool limits_cpu = dash[1] == "cgroup" && contains(split(dash[3], ','), "cpu");
        if (unified || limits_cpu) mounts.push_back({unified, unescape(words[3]), unescape(words[4])});
    }
    return mounts;
}

/// The process's group in the hierarchy: "0::/path" in v2, "7:cpu,cpuacct:/path" in v1.
std::optional<fs::path> own_group(const fs::path& root, bool unified)
{
    lines_of groups(root / "proc/self/cgroup");
    for (std::string line; groups.next(line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (unified ? controllers.empty() : contains(split(controllers, ','), "cpu")) {
            return line.substr(second + 1);
        }
    }
    return std::nullopt;
}

/// The least quota of the process's own cgroups and of every parent up to where they are mounted.
std::optional<double> cgroup_quota(const fs::path& root)
{
    std::optional<double> least;
    for (const cgroup_mount& mount : cgroup_mounts(root)) {
        const auto group = own_group(root, mount.unified);
        if (!group) continue;
        const fs::path top = root / mount.point.relative_path();
        // A container may see its host's path in /proc and its own group at the mount point.
        fs::path below = group->lexically_relative(mount.root);
        if (below.empty() || *below.begin() == "..") below = ".";
        for (fs::path directory = below;; directory = directory.parent_path()) {
            if (const auto quota = quota_in(top / directory, mount.unified)) {
                least = std::min(least.value_or(*quota), *quota);
            }
            if (directory.empty() || directory == ".") break;
        }
    }
    return least;
}

std::optional<int> affinity_of_process()
{
#if defined(__linux__)
    // The process's mask, which is its main thread's: the answer must not depend on who asks first.
    for (std::size_t capacity = 1024; capacity <= std::size_t{1} << 20U; capacity *= 2) {
        cpu_set_t* const mask = CPU_ALLOC(capacity);
        if (mask == nullptr) return std::nullopt;
        const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
        const bool known = ::sched_getaffinity(::getpid(), bytes, mask) == 0;
        const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
        const bool too_small = !known && errno == EINVAL;
        CPU_FREE(mask);
        if (count > 0) return count;
        if (!too_small) return std::nullopt;
    }
#endif
    return std::nullopt;
}

// 0: not read yet. The limits are read from a dozen files, a map may take less than a microsecond.
std::atomic<int> known_cpus{0};

}  // namespace

cpu_limits limits_of(const platform& platform)
{
    cpu_limits limits{.hardware = std::max(1, platform.hardware)};
    limits.affinity = platform.affinity.value_or(limits.hardware);
    limits.quota = cgroup_quota(platform.root);
    if (const char* const text = platform.max_workers_variable) {
        limits.environment = parse<int>(text);
        if (limits.environment.value_or(0) < 1) {
            throw std::invalid_argument(
                fmt::format("PARMAP_MAX_WORKERS is \"{}\": set it to a whole number >= 1, or unset it",
                            printable(text, true)));
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
        .hardware = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)),
        .affinity = detail::affinity_of_process(),
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

}  // namespace parmap
