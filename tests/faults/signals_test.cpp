// SPDX-License-Identifier: Apache-2.0
// Signals to a program in the middle of a call: with a handler it stops after the items in progress, without one the
// signal ends it, and the terminal stays usable.
#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/signals.hpp"

namespace {

/// signals_program on a terminal of its own, 100 columns wide.
class program {
public:
    explicit program(std::vector<std::string> arguments)
    {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe failed");
        const winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
        arguments.insert(arguments.begin(), SIGNALS_PROGRAM);
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        pid_ = ::forkpty(&screen_, nullptr, nullptr, &size);
        if (pid_ == 0) {
            // The shell that runs the tests may ignore some of them.
            for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
            ::dup2(ends[0], 3);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        if (pid_ < 0) throw std::runtime_error("forkpty failed");
        ::close(ends[0]);
        gate_ = ends[1];
    }
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(screen_);
        ::close(gate_);
    }

    void wait_for_text(const std::string& text)
    {
        while (written_.find(text) == std::string::npos) ASSERT_TRUE(read_more()) << written_;
    }
    void send(int signal) const { ASSERT_EQ(::kill(pid_, signal), 0); }
    void type(char c) const { ASSERT_EQ(::write(screen_, &c, 1), 1); }
    void let_go_on() const { ASSERT_EQ(::write(gate_, "x", 1), 1); }

    /// Waits until the program ends, stops or continues. \return the status, as of waitpid
    int next_status(int options = 0) const
    {
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, options), pid_);
        return status;
    }

    /// Waits for the end of the program. \return all that it wrote
    const std::string& all_written()
    {
        while (read_more()) {
        }
        return written_;
    }

private:
    bool read_more()
    {
        std::array<char, 4096> buffer{};
        const ssize_t n = ::read(screen_, buffer.data(), buffer.size());
        if (n > 0) written_.append(buffer.data(), static_cast<std::size_t>(n));
        return n > 0;
    }

    pid_t pid_{};
    int screen_{};
    int gate_{};
    std::string written_;
};

class Signals : public ::testing::Test {
protected:
    Signals()
    {
        ::setenv("TERM", "xterm", 1);
        ::setenv("LC_ALL", "C.UTF-8", 1);
        ::unsetenv("CI");
        ::unsetenv("PARMAP_PROGRESS");
    }
};

/// Expects only what leaves a terminal usable: text, line ends, and sequences that erase or move up.
void expect_a_whole_terminal(const std::string& written)
{
    for (std::size_t i = 0; i < written.size(); ++i) {
        if (written[i] == '\x1b') {
            const std::size_t end = written.find_first_not_of("[0123456789", i + 1);
            if (end == std::string::npos) continue;  // the program ended in the middle of a frame
            EXPECT_NE(std::string("KJA").find(written[end]), std::string::npos) << written.substr(i, end + 1 - i);
            i = end;
        } else {
            const bool is_text = static_cast<unsigned char>(written[i]) >= 0x20 && written[i] != '\x7f';
            EXPECT_TRUE(is_text || written[i] == '\r' || written[i] == '\n') << static_cast<int>(written[i]);
        }
    }
}

TEST_F(Signals, WithoutAHandlerEndTheProgram)
{
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
        program p({"bar"});
        p.wait_for_text("squaring:");
        p.wait_for_text("\x1b[K");
        signal == SIGINT ? p.type('\x03') : p.send(signal);
        const int status = p.next_status();
        ASSERT_TRUE(WIFSIGNALED(status)) << signal;
        EXPECT_EQ(WTERMSIG(status), signal);
        expect_a_whole_terminal(p.all_written());
    }
}

TEST_F(Signals, OfABrokenPipeAreHiddenOnlyWhenTheLibraryCausedThem)
{
    const auto write_and_get_one = [](bool to_a_broken_pipe) {
        ::signal(SIGPIPE, SIG_DFL);
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0) ::_exit(1);
        if (to_a_broken_pipe) ::close(ends[0]);
        {
            parmap::detail::sigpipe_guard guard;
            guard.write(ends[1], "x");
            if (!to_a_broken_pipe) ::kill(::getpid(), SIGPIPE);
        }
        ::_exit(0);
    };
    EXPECT_EXIT(write_and_get_one(true), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(write_and_get_one(false), ::testing::KilledBySignal(SIGPIPE), "");
}

TEST_F(Signals, OfAPipeThatAnItemWritesToEndTheProgram)
{
    program p({"break-a-pipe"});
    const int status = p.next_status();
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGPIPE);
}

int number_after(const std::string& text, const std::string& words)
{
    const std::size_t place = text.find(words);
    return place == std::string::npos ? -1 : std::atoi(text.c_str() + place + words.size());
}

void expect_a_stop(const std::string& mode, const std::string& kind, int most_begun_late)
{
    program p({mode, kind});
    p.wait_for_text("squaring:");
    p.type('\x03');
    const int status = p.next_status();
    ASSERT_TRUE(WIFEXITED(status)) << kind;
    EXPECT_EQ(WEXITSTATUS(status), 0);
    const std::string& written = p.all_written();
    EXPECT_NE(written.find("parmap: stopped on request after "), std::string::npos) << kind << ": " << written;
    EXPECT_NE(written.find("] cancelled\x1b[K"), std::string::npos) << kind << ": " << written;
    const int begun_late = number_after(written, "begun late ");
    EXPECT_GE(begun_late, 0) << written;
    EXPECT_LE(begun_late, most_begun_late) << kind;
    expect_a_whole_terminal(written);
}

TEST_F(Signals, ThatRequestAStopEndACallAfterTheItemsInProgress)
{
    constexpr int workers = 4;
    for (const char* const kind : {"map", "map_reduce", "graph"}) {
        expect_a_stop("stop", kind, workers);
        expect_a_stop("stop-in-blocks", kind, 8 * workers);
    }
    // Items that were read ahead do not begin either.
    for (const char* const kind : {"stream", "as_completed"}) expect_a_stop("stop", kind, workers);
}

TEST_F(Signals, AfterTheOneThatRequestedAStopEndTheProgram)
{
    program p({"ignore-a-stop"});
    // A stop before item 0 would end the call, and the second signal would come too late.
    p.wait_for_text("item 0 begun");
    p.wait_for_text("squaring:");
    p.type('\x03');
    p.wait_for_text("asked to stop");
    p.type('\x03');
    const int status = p.next_status();
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST_F(Signals, ThatStopTheProcessForAWhileChangeNothing)
{
    for (int round = 0; round < 3; ++round) {
        program p({"bar"});
        p.wait_for_text("squaring:");
        for (int i = 0; i < 20; ++i) {
            p.send(SIGSTOP);
            EXPECT_TRUE(WIFSTOPPED(p.next_status(WUNTRACED)));
            p.send(SIGCONT);
            EXPECT_TRUE(WIFCONTINUED(p.next_status(WCONTINUED)));
        }
        p.let_go_on();
        const int status = p.next_status();
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        EXPECT_NE(p.all_written().find("sum right"), std::string::npos);
        EXPECT_NE(p.all_written().find("| 2000/2000 ["), std::string::npos);
    }
}

TEST_F(Signals, ThatStopTheProcessForAnHourLeaveItsEstimatesSane)
{
    program p({"estimate"});
    p.wait_for_text("half");
    p.send(SIGSTOP);
    EXPECT_TRUE(WIFSTOPPED(p.next_status(WUNTRACED)));
    p.send(SIGCONT);
    EXPECT_TRUE(WIFCONTINUED(p.next_status(WCONTINUED)));
    p.let_go_on();
    p.next_status();
    EXPECT_NE(p.all_written().find("an hour or more, 16 of 16, estimates sane"), std::string::npos) << p.all_written();
}

TEST_F(Signals, ThatInterruptEveryWaitChangeNoResult)
{
    program p({"storm"});
    const std::string& written = p.all_written();
    const int status = p.next_status();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (const char* const kind : {"map", "map_reduce", "stream", "as_completed", "graph"}) {
        EXPECT_NE(written.find(std::string(kind) + " right"), std::string::npos) << written;
    }
}

}  // namespace
