// SPDX-License-Identifier: Apache-2.0
// The progress line and the estimate in it, as pure functions.
#include <gtest/gtest.h>

#include "eta.hpp"
#include "progress_line.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::progress_phase;
using parmap::progress_state;
using parmap::detail::block_in_flight;
using parmap::detail::eta_estimator;
using parmap::detail::render_line;

progress_state some_state()
{
    return {.label = "hashing",
            .unit = "file",
            .done = 42,
            .total = 100,
            .elapsed = 12s,
            .eta = 17s,
            .rate = 3.4,
            .busy = 8,
            .workers = 8,
            .phase = progress_phase::running};
}

TEST(RenderLine, IsTqdms)
{
    EXPECT_EQ(render_line(some_state(), {.columns = 80, .utf8 = true}),
              "hashing:  42%|████████▊            | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]");
    EXPECT_EQ(render_line(some_state(), {.columns = 80, .utf8 = false}),
              "hashing:  42%|########             | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]");
}

TEST(RenderLine, NarrowTerminalsLoseBusyThenRateThenBarThenElapsed)
{
    const auto at = [](int columns) {
        return render_line(some_state(), {.columns = columns, .utf8 = false});
    };
    EXPECT_EQ(at(60), "hashing:  42%|####       | 42/100 [00:12<00:17, 3.4 file/s]");
    EXPECT_EQ(at(47), "hashing:  42%|####      | 42/100 [00:12<00:17]");
    EXPECT_EQ(at(40), "hashing:  42% 42/100 [00:12<00:17]");
    EXPECT_EQ(at(32), "hashing:  42% 42/100 [<00:17]");
    EXPECT_EQ(at(12), "hashing:  4");
    EXPECT_EQ(at(1), "");
    EXPECT_EQ(at(0), "");
}

TEST(RenderLine, NeverReachesTheLastColumn)
{
    for (int columns = 1; columns <= 200; ++columns) {
        EXPECT_LT(render_line(some_state(), {.columns = columns, .utf8 = false}).size(),
                  static_cast<std::size_t>(columns));
    }
}

TEST(RenderLine, TheEndShowsHowItEnded)
{
    progress_state state = some_state();
    state.eta.reset();
    state.done = 100;
    state.phase = progress_phase::finished;
    EXPECT_EQ(render_line(state, {.columns = 60, .utf8 = false}),
              "hashing: 100%|################| 100/100 [00:12, 3.4 file/s]");
    state.done = 42;
    state.phase = progress_phase::failed;
    EXPECT_EQ(render_line(state, {.columns = 60, .utf8 = false}),
              "hashing:  42%|####      | 42/100 [00:12, 3.4 file/s] failed");
    state.phase = progress_phase::cancelled;
    EXPECT_EQ(render_line(state, {.columns = 40, .utf8 = false}), "hashing:  42% 42/100 [00:12] cancelled");
}

TEST(RenderLine, AHundredPercentOnlyWhenAllAreDone)
{
    progress_state state = some_state();
    state.total = 1'000'000'000'000'000'000;
    state.done = *state.total - 1;
    EXPECT_NE(render_line(state, {.columns = 200, .utf8 = false}).find(" 99%"), std::string::npos);
    state.done = *state.total;
    EXPECT_NE(render_line(state, {.columns = 200, .utf8 = false}).find("100%"), std::string::npos);
}

TEST(RenderLine, ShowsNoEstimateWithoutGround)
{
    progress_state state = some_state();
    state.eta.reset();
    EXPECT_NE(render_line(state, {.columns = 80, .utf8 = false}).find("[00:12<?, "), std::string::npos);
}

TEST(RenderLine, LongTimesAndSlowItemsStayReadable)
{
    progress_state state = some_state();
    state.elapsed = 3h + 25min + 45s;
    state.rate = 0.25;
    const std::string line = render_line(state, {.columns = 100, .utf8 = false});
    EXPECT_NE(line.find("[3:25:45<00:17, 4.00 s/file, "), std::string::npos) << line;
}

TEST(RenderLine, NoControlCharacterOfALabelGetsThrough)
{
    progress_state state = some_state();
    state.label = "a\n\x1b[2Jb\r\x7f";
    EXPECT_EQ(render_line(state, {.columns = 32, .utf8 = false}), "a  [2Jb  :  42% 42/100 [<00:17]");
}

TEST(Eta, IsUnknownBeforeTheFirstItem)
{
    eta_estimator eta(100);
    const block_in_flight one{.items = 1, .age = 1};
    eta.update(1, 0, {&one, 1});
    EXPECT_EQ(eta.seconds_left(), std::nullopt);
}

TEST(Eta, OfASteadyRateIsExact)
{
    eta_estimator eta(1000);
    for (int tick = 1; tick <= 50; ++tick) eta.update(0.1 * tick, tick, {});
    ASSERT_TRUE(eta.seconds_left().has_value());
    EXPECT_NEAR(*eta.seconds_left(), 95, 1e-6);
    EXPECT_NEAR(eta.rate(), 10, 1e-6);
}

TEST(Eta, OfTheLastBlockIsWhatItHasLeft)
{
    // One worker, items of one second: nine are done, the last began 0.4 s ago.
    eta_estimator eta(10);
    for (int tick = 1; tick <= 94; ++tick) {
        const double now = 0.1 * tick;
        const block_in_flight block{.items = 1, .age = now - static_cast<int>(now + 1e-9)};
        eta.update(now, static_cast<int>(now + 1e-9), {&block, 1});
    }
    ASSERT_TRUE(eta.seconds_left().has_value());
    EXPECT_NEAR(*eta.seconds_left(), 0.6, 0.05);
}

TEST(Eta, IgnoresAClockThatStandsStill)
{
    eta_estimator eta(10);
    eta.update(1, 5, {});
    const auto before = eta.seconds_left();
    eta.update(1, 6, {});
    EXPECT_EQ(eta.seconds_left(), before);
}

}  // namespace
