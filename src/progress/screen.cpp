// SPDX-License-Identifier: Apache-2.0
#include "progress/screen.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "progress/style.hpp"
#include "system/files.hpp"
#include "system/forks.hpp"
#include "text/printable.hpp"

namespace parmap::inline v0_2 {

namespace detail {

namespace {

constexpr std::size_t most_lines = 4;

struct screen_table {
    std::mutex mutex;
    std::map<int, std::weak_ptr<progress_screen>> screens;  // by file
};

/// The rows that a drawn line takes now: a terminal that got narrower has wrapped it.
std::size_t rows(std::string_view line, int columns)
{
    const auto width = static_cast<std::size_t>(std::max(columns, 1));
    return std::max<std::size_t>(1, (cells(line) + width - 1) / width);
}

}  // namespace

std::string render_frame(const drawing& drawn, const drawing& next, std::span<const std::string> above)
{
    std::size_t up = 0;
    for (const std::string& line : drawn.lines) up += rows(line, next.columns);
    std::string frame = "\r";
    if (up > 1) frame += fmt::format("\x1b[{}A", up - 1);
    // Rows that no new line covers: of lines that are removed, and of lines that a narrower terminal has wrapped.
    const bool leftovers = up > above.size() + next.lines.size() || next.columns < drawn.columns;
    if (leftovers) frame += "\x1b[J";
    for (const std::string& line : above) frame += line + "\x1b[K\n";
    for (std::size_t i = 0; i < next.lines.size(); ++i) {
        frame += (i == 0 ? "" : "\n") + next.lines[i] + "\x1b[K";
    }
    return frame;
}

std::shared_ptr<progress_screen> progress_screen::of(int fd)
{
    screen_table& table = one_in_process<screen_table>::instance();
    const std::lock_guard lock(table.mutex);
    std::weak_ptr<progress_screen>& known = table.screens[fd];
    std::shared_ptr<progress_screen> screen = known.lock();
    if (screen == nullptr) known = screen = std::make_shared<progress_screen>(fd);
    return screen;
}

void progress_screen::set(const void* bar, std::string line)
{
    const std::lock_guard lock(listing_);
    const auto known = std::ranges::find(entries_, bar, &entry::bar);
    if (known != entries_.end()) {
        known->line = std::move(line);
    } else {
        entries_.push_back({bar, std::move(line)});
    }
}

void progress_screen::draw()
{
    const std::lock_guard lock(drawing_);
    drawing next = lines_now();
    if (next != drawn_) put(std::move(next), {}, at_once);
}

void progress_screen::remove(const void* bar, std::optional<std::string> last, time_point deadline)
{
    {
        const std::lock_guard lock(listing_);
        std::erase_if(entries_, [bar](const entry& e) { return e.bar == bar; });
    }
    const std::unique_lock lock(drawing_, deadline);
    if (!lock.owns_lock()) return;
    std::vector<std::string> above;
    if (last) above.push_back(*std::move(last));
    put(lines_now(), above, deadline);
}

void progress_screen::without_lines(const std::function<void()>& write, time_point deadline)
{
    const std::unique_lock lock(drawing_, deadline);
    if (!lock.owns_lock()) return write();
    const bool shown = !drawn_.lines.empty();
    if (shown) put({.columns = format_of(fd_).columns}, {}, deadline);
    write();
    if (!shown) return;
    try {
        put(lines_now(), {}, deadline);
    } catch (...) {
        // What was written stays written. The lines come back with the next frame.
    }
}

drawing progress_screen::lines_now()
{
    const std::lock_guard lock(listing_);
    const line_format shown = format_of(fd_);
    drawing next{.columns = shown.columns};
    for (const entry& e : entries_) {
        if (next.lines.size() == most_lines) break;
        next.lines.push_back(e.line);
    }
    if (entries_.size() > most_lines) {
        next.lines.push_back(fmt::format("{} {} more", shown.utf8 ? "…" : "...", entries_.size() - most_lines));
    }
    return next;
}

void progress_screen::put(drawing next, const std::vector<std::string>& above, time_point deadline)
{
    const bool nothing_to_do = drawn_.lines.empty() && next.lines.empty() && above.empty();
    if (broken_ || nothing_to_do) return;
    const write_result result = write_before(deadline, fd_, render_frame(drawn_, next, above));
    if (result == write_result::broken) broken_ = true;
    if (result == write_result::written) drawn_ = std::move(next);
}

}  // namespace detail

void println(std::string_view line)
{
    std::function<void()> write = [line] {
        // Through the C library's buffer, so that the line keeps its place among what std::cout writes.
        static_cast<void>(std::fwrite(line.data(), 1, line.size(), stdout));
        static_cast<void>(std::fputc('\n', stdout));
        static_cast<void>(std::fflush(stdout));
    };
    const auto deadline = std::chrono::steady_clock::now() + detail::write_timeout;
    std::vector<std::shared_ptr<detail::progress_screen>> screens;
    {
        detail::screen_table& table = detail::one_in_process<detail::screen_table>::instance();
        const std::lock_guard lock(table.mutex);
        for (const auto& [fd, screen] : table.screens) screens.push_back(screen.lock());
    }
    for (const auto& screen : screens) {
        if (screen == nullptr) continue;
        write = [screen, deadline, inner = std::move(write)] { screen->without_lines(inner, deadline); };
    }
    write();
}

}  // namespace parmap::inline v0_2
