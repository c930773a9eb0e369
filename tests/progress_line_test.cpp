// SPDX-License-Identifier: Apache-2.0
// The progress line and the frame it is drawn in, as pure functions.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "progress/line.hpp"
#include "progress/screen.hpp"
#include "progress/style.hpp"
#include "support/some_line.hpp"
#include "text/printable.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::bar_style;
using parmap::progress_phase;
using parmap::detail::cells;
using parmap::detail::choose_style;
using parmap::detail::drawing;
using parmap::detail::leading;
using parmap::detail::line_state;
using parmap::detail::next_plain_line;
using parmap::detail::printable;
using parmap::detail::render_frame;
using parmap::detail::render_json;
using parmap::detail::render_line;
using parmap::detail::render_plain;
using parmap::testing::some_line;

std::string ascii(const line_state& line, int columns)
{
    return render_line(line, {.columns = columns, .utf8 = false});
}

// The line of a terminal

TEST(RenderLine, IsTqdms)
{
    EXPECT_EQ(render_line(some_line(), {.columns = 80, .utf8 = true}),
              "hashing:  42%|████████▊            | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]");
    EXPECT_EQ(ascii(some_line(), 80),
              "hashing:  42%|########             | 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]");
}

TEST(RenderLine, NarrowTerminalsLoseBusyThenRateThenBarThenElapsed)
{
    EXPECT_EQ(ascii(some_line(), 200).size(), 199U);
    EXPECT_EQ(ascii(some_line(), 60), "hashing:  42%|####       | 42/100 [00:12<00:17, 3.4 file/s]");
    EXPECT_EQ(ascii(some_line(), 47), "hashing:  42%|####      | 42/100 [00:12<00:17]");
    EXPECT_EQ(ascii(some_line(), 40), "hashing:  42% 42/100 [00:12<00:17]");
    EXPECT_EQ(ascii(some_line(), 39), "hashing:  42% 42/100 [00:12<00:17]");
    EXPECT_EQ(ascii(some_line(), 32), "hashing:  42% 42/100 [<00:17]");
    EXPECT_EQ(ascii(some_line(), 15), "hashing:  42% ");
    EXPECT_EQ(ascii(some_line(), 1), "");
    EXPECT_EQ(ascii(some_line(), 0), "");
}

TEST(RenderLine, NeverReachesTheLastColumn)
{
    line_state line = some_line();
    for (const char* const label :
         {"hashing", "", "漢字", "e\u0301te\u0301", "a longer label than most terminals are wide"}) {
        line.state.label = label;
        for (int columns = 1; columns <= 200; ++columns) {
            EXPECT_LT(cells(render_line(line, {.columns = columns, .utf8 = true})), static_cast<std::size_t>(columns));
        }
    }
}

TEST(RenderLine, FillsTheWidthWithTheBarWhateverTheLabel)
{
    line_state line = some_line();
    for (const char* const label : {"hashing", "漢字", "e\u0301te\u0301"}) {
        line.state.label = label;
        EXPECT_EQ(cells(render_line(line, {.columns = 100, .utf8 = true})), 99U) << label;
    }
}

TEST(RenderLine, TheEndShowsHowItEnded)
{
    line_state line = some_line();
    line.state.eta.reset();
    line.state.done = 100;
    line.state.phase = progress_phase::finished;
    EXPECT_EQ(ascii(line, 60), "hashing: 100%|################| 100/100 [00:12, 3.4 file/s]");
    line.state.done = 42;
    line.state.phase = progress_phase::failed;
    EXPECT_EQ(ascii(line, 60), "hashing:  42%|####      | 42/100 [00:12, 3.4 file/s] failed");
    line.state.phase = progress_phase::cancelled;
    EXPECT_EQ(ascii(line, 40), "hashing:  42% 42/100 [00:12] cancelled");
}

TEST(RenderLine, AHundredPercentOnlyWhenAllAreDone)
{
    line_state line = some_line();
    line.state.total = 1'000'000'000'000'000'000;
    line.state.done = *line.state.total - 1;
    EXPECT_NE(ascii(line, 200).find(" 99%"), std::string::npos);
    line.state.done = *line.state.total;
    EXPECT_NE(ascii(line, 200).find("100%"), std::string::npos);
}

TEST(RenderLine, TotalsOfNoneAndOne)
{
    line_state line = some_line();
    line.state.done = 0;
    line.state.total = 0;
    EXPECT_EQ(ascii(line, 40), "hashing: 100% 0/0 [00:12<00:17]");
    line.state.total = 1;
    EXPECT_EQ(ascii(line, 40), "hashing:   0% 0/1 [00:12<00:17]");
}

TEST(RenderLine, WithoutATotalThereIsNoBar)
{
    line_state line = some_line();
    line.state.total.reset();
    line.state.workers = 0;
    EXPECT_EQ(ascii(line, 80), "hashing: 42 file [00:12, 3.4 file/s]");
    line.state.label = "";
    EXPECT_EQ(ascii(line, 25), "42 file [00:12]");
}

TEST(RenderLine, StepsOfAGraphSayNothingOfTheTimeThatIsLeft)
{
    line_state line = some_line();
    line.steps = true;
    line.state.label = "report";
    line.state.unit = "steps";
    line.state.done = 7;
    line.state.total = 12;
    EXPECT_EQ(ascii(line, 80), "report: 7/12 steps [00:12, 8/8 busy]");
    EXPECT_EQ(ascii(line, 30), "report: 7/12 steps [00:12]");
    EXPECT_EQ(ascii(line, 20), "report: 7/12 steps");
    EXPECT_EQ(render_plain(line), "report: 7/12 steps [00:12, 8/8 busy]");
    line.state.phase = progress_phase::failed;
    EXPECT_EQ(ascii(line, 80), "report: 7/12 steps [00:12] failed");
}

TEST(RenderLine, ShowsNoEstimateWithoutGround)
{
    line_state line = some_line();
    line.state.eta.reset();
    EXPECT_NE(ascii(line, 80).find("[00:12<?, "), std::string::npos);
}

TEST(RenderLine, TheLastItemsShowHowLongTheyTake)
{
    line_state line = some_line();
    line.state.done = 97;
    line.oldest = 42s;
    EXPECT_EQ(ascii(line, 90),
              "hashing:  97%|############################ | 97/100 [00:12, 3 left, oldest 42s, 8/8 busy]");
}

TEST(RenderLine, LongTimesAndSlowItemsStayReadable)
{
    line_state line = some_line();
    line.state.elapsed = 3h + 25min + 45s;
    line.state.rate = 0.25;
    EXPECT_NE(ascii(line, 100).find("[3:25:45<00:17, 4.00 s/file, "), std::string::npos);
}

TEST(RenderLine, LargeNumbersAreScaledWhenAsked)
{
    line_state line = some_line();
    line.unit_scale = true;
    line.state.done = 1'234;
    line.state.total = 3'400'000;
    line.state.rate = 999'949;
    EXPECT_NE(ascii(line, 100).find("| 1.2k/3.4M [00:12<00:17, 999.9k file/s, "), std::string::npos);
    line.state.done = 999;
    line.state.rate = 999'960;
    EXPECT_NE(ascii(line, 100).find("| 999/3.4M [00:12<00:17, 1.0M file/s, "), std::string::npos);
    line.state.rate = 2e21;
    EXPECT_NE(ascii(line, 100).find("[00:12<00:17, 2000.0E file/s, "), std::string::npos) << ascii(line, 100);
}

TEST(RenderLine, NoControlCharacterOfALabelGetsThrough)
{
    line_state line = some_line();
    line.state.label = "a\n\x1b[2Jb\r\x7f";
    EXPECT_EQ(ascii(line, 32), "a  [2Jb  :  42% 42/100 [<00:17]");
}

// Plain lines and JSON

TEST(RenderPlain, IsTheLineWithoutTheBar)
{
    EXPECT_EQ(render_plain(some_line()), "hashing:  42% 42/100 [00:12<00:17, 3.4 file/s, 8/8 busy]");
}

TEST(NextPlainLine, IsAtTenSecondsThenThirtyThenEachMinute)
{
    EXPECT_EQ(next_plain_line(0s), 10s);
    EXPECT_EQ(next_plain_line(9'999ms), 10s);
    EXPECT_EQ(next_plain_line(10s), 30s);
    EXPECT_EQ(next_plain_line(30s), 60s);
    EXPECT_EQ(next_plain_line(61s), 120s);
    EXPECT_EQ(next_plain_line(3599s), 3600s);
}

TEST(RenderJson, HasEveryFigure)
{
    EXPECT_EQ(render_json(some_line()),
              R"({"t":12.000,"label":"hashing","done":42,"total":100,"rate":3.4,"eta_s":17.000,"busy":8,"workers":8,)"
              R"("state":"running"})");
    line_state line = some_line();
    line.state.total.reset();
    line.state.eta.reset();
    line.state.label = "a \"quoted\" back\\slash\n";
    line.state.phase = progress_phase::cancelled;
    EXPECT_EQ(render_json(line),
              R"({"t":12.000,"label":"a \"quoted\" back\\slash ","done":42,"total":null,"rate":3.4,"eta_s":null,)"
              R"("busy":8,"workers":8,"state":"cancelled"})");
}

// Printable text, and its width

TEST(Cells, AreTheTerminals)
{
    EXPECT_EQ(cells("abc"), 3U);
    EXPECT_EQ(cells("é"), 1U);
    EXPECT_EQ(cells("e\u0301"), 1U) << "a combining accent";
    EXPECT_EQ(cells("漢字"), 4U);
    EXPECT_EQ(cells("한글"), 4U);
    EXPECT_EQ(cells("😀"), 2U);
    EXPECT_EQ(cells("█▏"), 2U);
    EXPECT_EQ(cells("a\xff"), 2U) << "not UTF-8: the '?' that is shown for it";
    EXPECT_EQ(cells("\xf4\x90\x80\x80"), 4U) << "past the last character";
    EXPECT_EQ(cells("\xed\xa0\x80"), 3U) << "half of a pair of UTF-16";
}

TEST(Cells, LeadingNeverSplitsACharacter)
{
    EXPECT_EQ(leading("漢字", 3), "漢");
    EXPECT_EQ(leading("漢字", 1), "");
    EXPECT_EQ(leading("e\u0301x", 1), "e\u0301");
    EXPECT_EQ(leading("abc", 9), "abc");
}

TEST(Printable, LeavesNothingHarmful)
{
    EXPECT_EQ(printable("tab\tnewline\nbell\a", true), "tab newline bell ");
    EXPECT_EQ(printable("\u009b2J", true), " 2J") << "a C1 control";
    EXPECT_EQ(printable("a\u202Eb\u2028c", true), "a b c") << "turned around, and a line separator";
    EXPECT_EQ(printable("\xff\xc0\xaf\xed\xa0\x80\xf5", true), "???????") << "not UTF-8";
    EXPECT_EQ(printable("\xe6\xbc", true), "??") << "cut short";
    EXPECT_EQ(printable("漢字 é", true), "漢字 é");
    EXPECT_EQ(printable("漢字 é", false), "?? ?");
}

// Frames

TEST(RenderFrame, OneLineIsAReturnTheLineAndAnErasure)
{
    EXPECT_EQ(render_frame({}, {.lines = {"abc"}, .columns = 80}), "\rabc\x1b[K");
    EXPECT_EQ(render_frame({.lines = {"abc"}, .columns = 80}, {.lines = {"abd"}, .columns = 80}), "\rabd\x1b[K");
}

TEST(RenderFrame, SeveralLinesAreDrawnFromTheFirst)
{
    EXPECT_EQ(render_frame({.lines = {"a", "b"}, .columns = 80}, {.lines = {"c", "d"}, .columns = 80}),
              "\r\x1b[1Ac\x1b[K\nd\x1b[K");
}

TEST(RenderFrame, TheLastLineStaysAboveTheOthers)
{
    const std::vector<std::string> done{"done"};
    EXPECT_EQ(render_frame({.lines = {"a", "b"}, .columns = 80}, {.lines = {"b"}, .columns = 80}, done),
              "\r\x1b[1Adone\x1b[K\nb\x1b[K");
    EXPECT_EQ(render_frame({.lines = {"b"}, .columns = 80}, {.lines = {}, .columns = 80}, done), "\rdone\x1b[K\n");
}

TEST(RenderFrame, LinesThatWentAreErased)
{
    EXPECT_EQ(render_frame({.lines = {"a", "b"}, .columns = 80}, {.lines = {"b"}, .columns = 80}),
              "\r\x1b[1A\x1b[Jb\x1b[K");
    EXPECT_EQ(render_frame({.lines = {"a"}, .columns = 80}, {.lines = {}, .columns = 80}), "\r\x1b[J");
}

TEST(RenderFrame, RowsThatANarrowerTerminalWrappedAreErased)
{
    EXPECT_EQ(render_frame({.lines = {std::string(99, 'x')}, .columns = 100}, {.lines = {"short"}, .columns = 50}),
              "\r\x1b[1A\x1b[Jshort\x1b[K");
    // Also where the terminal wrapped them in another way than was counted.
    EXPECT_EQ(render_frame({.lines = {"abc"}, .columns = 100}, {.lines = {"abd"}, .columns = 50}), "\r\x1b[Jabd\x1b[K");
}

// The choice of a style

TEST(ChooseStyle, TheOptionThenTheVariableThenTheSurroundings)
{
    const auto choose = [](bar_style asked, const char* progress, const char* term, const char* ci, bool tty) {
        return choose_style(asked, {.on_terminal = tty, .progress = progress, .term = term, .ci = ci});
    };
    const auto automatic = bar_style::automatic;
    EXPECT_EQ(choose(automatic, nullptr, "xterm", nullptr, true), bar_style::terminal);
    EXPECT_EQ(choose(automatic, "", "xterm", "", true), bar_style::terminal);
    EXPECT_EQ(choose(automatic, nullptr, "xterm", nullptr, false), bar_style::plain);
    EXPECT_EQ(choose(automatic, nullptr, "dumb", nullptr, true), bar_style::plain);
    EXPECT_EQ(choose(automatic, nullptr, nullptr, nullptr, true), bar_style::plain);
    EXPECT_EQ(choose(automatic, nullptr, "xterm", "true", true), bar_style::plain);
    EXPECT_EQ(choose(automatic, "terminal", "dumb", "true", false), bar_style::terminal);
    EXPECT_EQ(choose(automatic, "json", "xterm", nullptr, true), bar_style::json);
    EXPECT_EQ(choose(automatic, "off", "xterm", nullptr, true), bar_style::off);
    EXPECT_EQ(choose(automatic, "plain", "xterm", nullptr, true), bar_style::plain);
    EXPECT_EQ(choose(automatic, "auto", "xterm", nullptr, true), bar_style::terminal);
    EXPECT_EQ(choose(bar_style::off, "json", "xterm", nullptr, true), bar_style::off);
    EXPECT_EQ(choose(automatic, "banana", "xterm", nullptr, true), std::nullopt);
}

}  // namespace
