// SPDX-License-Identifier: Apache-2.0
// What a call reports while it runs, and where the report goes. Rests on the export macro alone.
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

/// How far a call is: still running, or how it ended.
enum class progress_phase {
    running,   ///< items are being run, or may yet be
    finished,  ///< every item returned
    failed,    ///< an item threw
    cancelled  ///< a stop or a timeout left items that never started
};

/// A call in flight, as a progress sink sees it.
struct progress_state {
    std::string_view label;              ///< as given; valid during the call of the sink
    std::string_view unit;               ///< what an item is called, "it" by default
    std::uint64_t done;                  ///< items that returned, never items that only started
    std::optional<std::uint64_t> total;  ///< items in all, when known
    std::chrono::nanoseconds elapsed;    ///< since the call began
    /// Expected time to the end, once there is ground for it. Where the process is stopped, or its machine suspended,
    /// that counts as elapsed, and neither the estimate nor the rate takes the items for slower.
    std::optional<std::chrono::nanoseconds> eta;
    double rate;           ///< items per second, now
    int busy;              ///< workers that are running an item
    int workers;           ///< workers that have joined the call; 0: not known
    progress_phase phase;  ///< running until the last state, which tells how it ended
};

/// How a bar is shown.
enum class bar_style {
    automatic,  ///< PARMAP_PROGRESS=auto|terminal|plain|json|off, else terminal on a terminal, else plain
    terminal,   ///< a line that is drawn over and over
    plain,      ///< lines without control characters: at 10 s, at 30 s, then each minute, and one at the end
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
/// A call that ends before `delay` (in the plain style, before its first line) shows nothing. Several calls
/// at once have a line each, four at most. TERM=dumb or unset and CI make the automatic style plain.
struct progress_bar {
    std::string label{};                      ///< what the line begins with
    std::string unit{"it"};                   ///< what an item is called
    bool unit_scale{false};                   ///< 1.2k, 3.4M instead of all digits
    bool leave{true};                         ///< false: the line is cleared at the end
    std::chrono::milliseconds delay{500};     ///< before the first frame
    std::chrono::milliseconds interval{100};  ///< between frames on a terminal, at least 10 ms
    bar_style style{bar_style::automatic};    ///< how it is shown
    int fd{2};                                ///< where it is shown: standard error
};

/// Writes a line to standard output, above any bars that are on the terminal. It is written as it is: unlike a label,
/// it may hold colours, and what else a terminal obeys.
///
/// ```cpp
/// const auto convert_or_say = [](const std::string& file) {
///     if (!convert(file)) parmap::println("skipped " + file);
/// };
/// parmap::for_each(files, convert_or_say, {.progress = "convert"});
/// ```
///
/// \param line  without the newline that ends it.
PARMAP_EXPORT void println(std::string_view line);

/// Where a call's progress goes: nowhere, to a bar, or to a function.
///
/// ```cpp
/// parmap::map(files, sha256, {.progress = "hashing"});
/// parmap::map(files, sha256, {.progress = [&](const parmap::progress_state& s) { gauge.set(s.done); }});
/// ```
///
/// A function gets states every 100 ms from a thread of its own, one at a time; the last one, exactly
/// once, comes on the calling thread with the final counts, and none after the call has returned. A
/// function that throws is dropped and the work goes on.
class progress_sink {
public:
    /// What a sink may be made of, when it is neither a label nor a bar.
    using function = std::function<void(const progress_state&)>;

    /// No progress: costs one branch.
    progress_sink() = default;

    /// A bar.
    /// \param label  what its line begins with; no progress for a null pointer.
    progress_sink(const char* label)
    {
        if (label != nullptr) target_.emplace<progress_bar>(progress_bar{.label = label});
    }
    /// A bar.
    /// \param label  what its line begins with.
    progress_sink(std::string label) : target_(progress_bar{.label = std::move(label)}) {}

    /// A bar.
    /// \param bar  all it can be told.
    progress_sink(progress_bar bar) : target_(std::move(bar)) {}

    /// A function.
    /// \param callback  copyable; wrap one that is not with std::ref.
    template <class Function>
        requires std::is_invocable_v<Function&, const progress_state&>
    progress_sink(Function callback) : target_(function(std::move(callback)))
    {
    }

    /// \return whether anybody listens.
    explicit operator bool() const noexcept { return target_.index() != 0; }

    /// \return the bar, when this sink is one; else null.
    const progress_bar* bar() const noexcept { return std::get_if<progress_bar>(&target_); }
    /// \return the function, when this sink is one; else null.
    const function* callback() const noexcept { return std::get_if<function>(&target_); }

private:
    std::variant<std::monostate, progress_bar, function> target_;
};

}  // namespace parmap::inline v0_2
