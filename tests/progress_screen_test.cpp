// SPDX-License-Identifier: Apache-2.0
// A call that uses the terminal has one deadline, for the lock of the screen and for the write. It waits until then,
// and not at all when the deadline has passed.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include "progress/screen.hpp"
#include "progress/style.hpp"
#include "progress/timed_mutex.hpp"
#include "system/files.hpp"

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using parmap::detail::at_once;
using parmap::detail::progress_screen;
using parmap::detail::timed_mutex;
using parmap::detail::write_before;
using parmap::detail::write_result;

constexpr clock::time_point far_off = clock::time_point::max();

/// Whether it still waits after 100 ms: a wait with a shorter limit of its own would have ended.
template <class T>
bool still_waits(const std::future<T>& somebody)
{
    return somebody.wait_for(100ms) == std::future_status::timeout;
}

TEST(FormatOf, IsUtf8AsTheFirstVariableOfTheLocaleThatIsSetSays)
{
    const auto is_utf8 = [](const char* all, const char* type, const char* language) {
        ::setenv("LC_ALL", all, 1);
        ::setenv("LC_CTYPE", type, 1);
        ::setenv("LANG", language, 1);
        return parmap::detail::format_of(-1).utf8;
    };
    EXPECT_TRUE(is_utf8("C.UTF-8", "", ""));
    EXPECT_TRUE(is_utf8("", "de_DE.utf8", "C"));
    EXPECT_TRUE(is_utf8("", "", "en_GB.UTF-8"));
    EXPECT_FALSE(is_utf8("C", "C.UTF-8", "C.UTF-8"));
    EXPECT_FALSE(is_utf8("", "", ""));
    for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) ::unsetenv(name);
    EXPECT_FALSE(parmap::detail::format_of(-1).utf8);
}

/// A terminal in raw mode that takes no output while it is stopped, as by ^S.
class StoppedTerminal : public ::testing::Test {
protected:
    StoppedTerminal()
    {
        termios raw{};
        ::cfmakeraw(&raw);
        if (::openpty(&other_side_, &fd, nullptr, &raw, nullptr) != 0) throw std::runtime_error("openpty failed");
        stop();
    }
    ~StoppedTerminal() override { ::close(other_side_); }
    StoppedTerminal(const StoppedTerminal&) = delete;
    StoppedTerminal& operator=(const StoppedTerminal&) = delete;

    void stop() const { ASSERT_EQ(::tcflow(fd, TCOOFF), 0); }
    void start() const { ASSERT_EQ(::tcflow(fd, TCOON), 0); }

    /// Closes the program's side. \return all that was written
    std::string all_written() const
    {
        ::close(fd);
        std::string all;
        char buffer[4096];
        for (ssize_t n; (n = ::read(other_side_, buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(n));
        }
        return all;
    }

    int fd{};

private:
    int other_side_{};
};

// The mutex with a deadline

TEST(TimedMutex, IsTakenAtOnceOrNotAtAllWhenTheDeadlineHasPassed)
{
    timed_mutex t;
    EXPECT_TRUE(t.try_lock_until(at_once));
    EXPECT_FALSE(t.try_lock_until(at_once));
    t.unlock();
    EXPECT_TRUE(t.try_lock_until(at_once));
}

TEST(TimedMutex, IsWaitedForUntilTheDeadline)
{
    timed_mutex t;
    t.lock();
    EXPECT_FALSE(t.try_lock_until(clock::now() + 5ms));
    const auto patient = std::async(std::launch::async, [&] { EXPECT_TRUE(t.try_lock_until(far_off)); });
    EXPECT_TRUE(still_waits(patient));
    t.unlock();
}

// Writing

TEST_F(StoppedTerminal, GetsAFrameAtOnceOrNotAtAllWhenTheDeadlineHasPassed)
{
    EXPECT_EQ(write_before(at_once, fd, "first"), write_result::dropped);
    start();
    EXPECT_EQ(write_before(at_once, fd, "second"), write_result::written);
    EXPECT_EQ(all_written(), "second");
}

TEST_F(StoppedTerminal, IsWaitedForUntilTheDeadline)
{
    EXPECT_EQ(write_before(clock::now() + 5ms, fd, "first"), write_result::dropped);
    // So many milliseconds that they become five when cut to an int.
    const clock::time_point deadline = clock::now() + std::chrono::milliseconds((std::int64_t{1} << 32) + 5);
    auto patient = std::async(std::launch::async, [&] { return write_before(deadline, fd, "second"); });
    EXPECT_TRUE(still_waits(patient));
    start();
    EXPECT_EQ(patient.get(), write_result::written);
    EXPECT_EQ(all_written(), "second");
}

// Screens

TEST_F(StoppedTerminal, HoldsNobodyUpOnceTheDeadlineHasPassed)
{
    progress_screen screen(fd);
    const int bar = 0;
    int calls = 0;
    start();
    screen.set(&bar, "line");
    screen.draw();
    screen.without_lines(
        [&] {
            // The mutex is locked, and neither of these waits for it.
            screen.remove(&bar, "dropped", at_once);
            screen.without_lines([&] { ++calls; }, at_once);
        },
        at_once);
    stop();
    // Neither call waits for the terminal.
    screen.remove(&bar, "dropped", at_once);
    screen.without_lines([&] { ++calls; }, at_once);
    EXPECT_EQ(calls, 2);
    start();
    screen.remove(&bar, "last", at_once);
    EXPECT_EQ(all_written(), "\rline\x1b[K\r\x1b[J\rlast\x1b[K\n");
}

TEST_F(StoppedTerminal, HasOneDeadlineForTheMutexAndTheWriteOfALastLine)
{
    progress_screen screen(fd);
    std::future<void> patient;
    screen.without_lines(
        [&] {
            patient = std::async(std::launch::async, [&] { screen.remove(nullptr, "last", far_off); });
            EXPECT_TRUE(still_waits(patient)) << "for the mutex";
        },
        at_once);
    EXPECT_TRUE(still_waits(patient)) << "for the terminal";
    start();
    patient.get();
    EXPECT_EQ(all_written(), "\rlast\x1b[K\n");
}

TEST_F(StoppedTerminal, HasOneDeadlineForTheMutexAndTheFramesAroundALineOfTheProgram)
{
    progress_screen screen(fd);
    const int bar = 0;
    start();
    screen.set(&bar, "line");
    screen.draw();
    stop();
    std::promise<void> said;
    std::future<void> patient;
    screen.without_lines(
        [&] {
            patient = std::async(std::launch::async, [&] {
                const auto say = [&] {
                    stop();
                    said.set_value();
                };
                screen.without_lines(say, far_off);
            });
            EXPECT_TRUE(still_waits(patient)) << "for the mutex";
        },
        at_once);
    EXPECT_TRUE(still_waits(patient)) << "for the terminal, to clear the line";
    start();
    said.get_future().wait();
    EXPECT_TRUE(still_waits(patient)) << "for the terminal, to draw it again";
    start();
    patient.get();
    EXPECT_EQ(all_written(), "\rline\x1b[K\r\x1b[J\rline\x1b[K");
}

}  // namespace
