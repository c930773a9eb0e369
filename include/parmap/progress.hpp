// SPDX-License-Identifier: Apache-2.0
// What a call reports while it runs, and where.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2 {

/// Whether a call runs, or how it ended.
enum class progress_phase {
    running,   ///< items run, or may start
    finished,  ///< every item returned
    failed,    ///< an item threw
    cancelled  ///< a stop or a timeout left items that never started
};

/// A running call, as a progress sink sees it.
struct progress_state {
    std::string_view label;              ///< as given; valid during the call of the sink
    std::string_view unit;               ///< what an item is called, "it" by default
    std::uint64_t done;                  ///< items that returned, never items that only started
    std::optional<std::uint64_t> total;  ///< items in all, when known
    std::chrono::nanoseconds elapsed;    ///< since the call began, without time while the machine was suspended
    /// Expected time to the end, once it can be estimated. Time while the process was stopped by a signal is part of
    /// `elapsed`, but is left out of the estimate and the rate.
    std::optional<std::chrono::nanoseconds> eta;
    double rate;           ///< items per second, now
    int busy;              ///< workers that are running an item
    int workers;           ///< workers that have joined the call; 0: not known
    progress_phase phase;  ///< running until the last state, which says how the call ended
};

/// How a bar is shown.
enum class bar_style {
    automatic,  ///< PARMAP_PROGRESS=auto|terminal|plain|json|off, else terminal on a terminal, else plain
    terminal,   ///< one line that is redrawn
    plain,      ///< lines without control characters: after 10 s, after 30 s, then each minute, and one at the end
    json,       ///< a line of JSON each second, and one at the end
    off         ///< not at all
};

/// A progress line, in tqdm's layout.
///
/// ```cpp
/// parmap::for_each(files, convert, {.progress = parmap::progress_bar{.label = "convert", .unit = "file"}});
/// // convert:  42%|████████▍           | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]
/// ```
///
/// A call that ends before `delay` (in the plain style, before its first line) shows nothing. Calls at the same time
/// have a line each, four at most, and a line that counts the others. With TERM=dumb, without TERM, or with CI set, the
/// automatic style is plain.
struct progress_bar {
    std::string label{};                      ///< the beginning of the line
    std::string unit{"it"};                   ///< what an item is called
    bool unit_scale{false};                   ///< 1.2k, 3.4M instead of all digits
    bool leave{true};                         ///< false: the line is cleared at the end
    std::chrono::milliseconds delay{500};     ///< before the first frame
    std::chrono::milliseconds interval{100};  ///< between frames on a terminal, at least 10 ms
    bar_style style{bar_style::automatic};    ///< how it is shown
    int fd{2};                                ///< the file descriptor it is written to: standard error
};

/// Writes a line to standard output, above the bars on the terminal. The line is written unchanged: unlike a label, it
/// may hold colours and other control sequences.
///
/// ```cpp
/// const auto convert_or_say = [](const std::string& file) {
///     if (!convert(file)) parmap::println("skipped " + file);
/// };
/// parmap::for_each(files, convert_or_say, {.progress = "convert"});
/// ```
///
/// \param line  without the newline at its end.
PARMAP_EXPORT void println(std::string_view line);

/// Where a call reports its progress: nowhere, to a bar, or to a function.
///
/// ```cpp
/// parmap::for_each(files, convert, {.progress = "converting"});
/// parmap::for_each(files, convert, {.progress = [&](const parmap::progress_state& s) { gauge.set(s.done); }});
/// ```
///
/// A function is called every 100 ms, one call at a time, on the thread that reports for all calls of the process. The
/// last state has the final counts; it comes exactly once, on the calling thread, before the call returns. A function
/// that throws is not called again, and the work goes on.
class progress_sink {
public:
    /// The function of a sink that is no bar.
    using function = std::function<void(const progress_state&)>;

    /// No progress; costs one branch.
    progress_sink() = default;

    /// A bar.
    /// \param label  the beginning of its line; no progress for a null pointer.
    progress_sink(const char* label)
    {
        if (label != nullptr) target_.emplace<progress_bar>(progress_bar{.label = label});
    }
    /// A bar.
    /// \param label  the beginning of its line.
    progress_sink(std::string label) : target_(progress_bar{.label = std::move(label)}) {}
    /// A bar.
    /// \param bar  its settings.
    progress_sink(progress_bar bar) : target_(std::move(bar)) {}

    /// A function.
    /// \param callback  copyable; wrap one that is not with std::ref.
    template <class Function>
        requires std::is_invocable_v<Function&, const progress_state&>
    progress_sink(Function callback) : target_(function(std::move(callback)))
    {
    }

    /// \return whether there is a bar or a function.
    explicit operator bool() const noexcept { return target_.index() != 0; }
    /// \return the bar, when this sink is one; else null.
    const progress_bar* bar() const noexcept { return std::get_if<progress_bar>(&target_); }
    /// \return the function, when this sink is one; else null.
    const function* callback() const noexcept { return std::get_if<function>(&target_); }

private:
    std::variant<std::monostate, progress_bar, function> target_;
};

}  // namespace parmap::inline v0_2
