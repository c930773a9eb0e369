// SPDX-License-Identifier: Apache-2.0
#include "system/cgroup_quota.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <locale>
#include <ranges>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace parmap::inline v0_2::detail {

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
std::vector<std::string> lines_of(const fs::path& file)
{
    std::vector<std::string> lines;
    std::ifstream stream(file);
    stream.exceptions(std::ios::badbit);  // else lack of memory looks like the end of the file
    try {
        for (std::string line; std::getline(stream, line);) lines.push_back(line);
    } catch (const std::ios::failure&) {
        // A folder, for example.
    }
    return lines;
}

std::string first_line(const fs::path& file)
{
    const std::vector<std::string> lines = lines_of(file);
    return lines.empty() ? "" : lines.front();
}

/// The quota in one cgroup's own files, in CPUs; empty when they set no limit.
std::optional<double> quota_in(const fs::path& group, bool unified)
{
    // Quota and period, in microseconds: "150000 100000", or "max 100000".
    std::istringstream words(unified ? first_line(group / "cpu.max")
                                     : first_line(group / "cpu.cfs_quota_us") + ' ' +
                                           first_line(group / "cpu.cfs_period_us"));
    words.imbue(std::locale::classic());
    long long quota = 0;
    long long period = 0;
    if (!(words >> quota >> period) || quota <= 0 || period <= 0 || !(words >> std::ws).eof()) return std::nullopt;
    return static_cast<double>(quota) / static_cast<double>(period);
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
    for (const std::string& line : lines_of(root / "proc/self/mountinfo")) {
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
    for (const std::string& line : lines_of(root / "proc/self/cgroup")) {
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

}  // namespace

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

}  // namespace parmap::inline v0_2::detail
