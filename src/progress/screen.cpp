// SPDX-License-Identifier: Apache-2.0
#include "progress/screen.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "progress/style.hpp"
#include "system/files.hpp"
#include "system/forks.hpp"

namespace parmap::inline v0_2::detail {

namespace {

constexpr std::size_t most_lines = 4;

struct screen_table {
    std::mutex mutex;
    std::map<int, std::weak_ptr<progress_screen>> screens;  // by file
};

}  // namespace

std::shared_ptr<progress_screen> progress_screen::of(int fd)
{
    screen_table& table = one_in_process<screen_table>::instance();
    const std::lock_guard lock(table.mutex);
    std::weak_ptr<progress_screen>& known = table.screens[fd];
    std::shared_ptr<progress_screen> screen = known.lock();
    if (screen == nullptr) known = screen = std::make_shared<progress_screen>(fd);
    return screen;
}

void without_lines_on_any_screen(const std::function<void()>& write, std::chrono::steady_clock::time_point deadline)
{
    std::vector<std::shared_ptr<progress_screen>> screens;
    {
        screen_table& table = one_in_process<screen_table>::instance();
        const std::lock_guard lock(table.mutex);
        for (const auto& [fd, screen] : table.screens) screens.push_back(screen.lock());
    }
    std::function<void()> inner = write;
    for (const auto& screen : screens) {
        if (screen == nullptr) continue;
        inner = [screen, deadline, outer = std::move(inner)] { screen->without_lines(outer, deadline); };
    }
    inner();
}

line_format progress_screen::format() const
{
    return format_of(fd_);
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
    if (next.lines != drawn_.lines || next.columns != drawn_.columns) put(std::move(next), {}, at_once);
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
    if (shown) put({.columns = format().columns}, {}, deadline);
    write();
    if (!shown) return;
    try {
        put(lines_now(), {}, deadline);
    } catch (...) {
        // What was written is no failure for want of memory: the lines come with the next frame.
    }
}

drawing progress_screen::lines_now()
{
    const std::lock_guard lock(listing_);
    const line_format shown = format();
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
    if (result == write_result::written) drawn_ = std::move(next);  // which cannot fail
}

}  // namespace parmap::inline v0_2::detail
