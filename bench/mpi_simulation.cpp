// SPDX-License-Identifier: Apache-2.0
// How parmap::mpi scales to 1,024 ranks x 64 workers: an event simulation of messages with the library's own
// grant_sizer. A rank asks for more when half of its last block is left and sends its results with that, and rank 0
// serves one message after the other. The time of a message is an input; bench/mpi_bench measures it.
//   mpi_simulation [--latency NS] [--service NS] [--result NS] [--look NS]
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <queue>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "mpi/grant_sizer.hpp"

namespace {

using parmap::mpi::detail::grant_sizer;

constexpr std::size_t ranks = 1024;
constexpr std::size_t workers = 64;  // of each

/// Times in nanoseconds.
struct network {
    double latency = 2'000;  ///< of a message
    double service = 2'000;  ///< until rank 0 has taken a message and sent a block
    double result = 0;       ///< until it has kept the result of one item; a reduction sends almost none
    double look = 260'000;   ///< between two polls of a rank that has been idle for long
};

struct work {
    double item;     ///< ns; all are equal, so that ranks ask at the same time
    double seconds;  ///< that it would take ideally

    std::size_t items() const { return workers * ranks * static_cast<std::size_t>(std::round(1e9 * seconds / item)); }
};

/// The workers of a rank: they claim the items of its blocks in order, and never wait for a block to end.
class rank_workers {
public:
    explicit rank_workers(double item) : item_(item), groups_({{0, workers}}) {}

    /// Adds items at a time. \return when the last of them is claimed
    double claim(std::size_t items, double from)
    {
        for (group& g : groups_) g.free_at = std::max(g.free_at, from);
        // Whole rounds of all workers only add to the time.
        if (const std::size_t rounds = items / workers; rounds > 1) {
            for (group& g : groups_) g.free_at += static_cast<double>(rounds - 1) * item_;
            items -= (rounds - 1) * workers;
        }
        double claimed = from;
        while (items != 0) {
            const auto next = std::ranges::min_element(groups_, {}, &group::free_at);
            const std::size_t n = std::min(items, next->workers);
            claimed = next->free_at;
            items -= n;
            if (n == next->workers) {
                next->free_at += item_;
            } else {
                next->workers -= n;
                groups_.push_back({claimed + item_, n});
            }
        }
        return claimed;
    }

private:
    struct group {
        double free_at;
        std::size_t workers;
    };

    double item_;
    std::vector<group> groups_;  // of workers that are free at the same time
};

/// The results of a run.
struct outcome {
    double makespan{0};
    double busy{0};  // rank 0
    std::size_t blocks{0};
};

class simulation {
public:
    simulation(const work& what, const network& net)
        : net_(net),
          item_(what.item),
          size_(what.items()),
          grants_(size_, std::vector<int>(ranks, static_cast<int>(workers)), 1),
          ranks_(ranks, rank_state(what.item))
    {
    }

    outcome run()
    {
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            serve_for(net_.service);
            grant(rank);
        }
        while (!events_.empty()) {
            const event next = events_.top();
            events_.pop();
            switch (next.what) {
                case kind::grant:
                    begin(next);
                    break;
                case kind::idle:
                    if (ranks_[next.rank].begun == next.block) report(next, false);
                    break;
                case kind::ask:
                    report(next, true);
                    break;
                case kind::message:
                    serve(next);
                    break;
            }
        }
        result_.makespan = rank0_;
        return result_;
    }

private:
    enum class kind { grant, ask, idle, message };

    struct event {
        double at;
        kind what;
        std::size_t rank;
        std::size_t block;  // which of the rank's, from 1
        std::size_t items;  // of a grant: that it has; of a message: whose results it brings
        bool wants_more{false};
        bool operator>(const event& other) const noexcept { return at > other.at; }
    };

    struct rank_state {
        explicit rank_state(double item) : its(item) {}

        rank_workers its;
        std::size_t granted{0};  // blocks
        std::size_t begun{0};    // blocks that have arrived
        double first_begun{0};   // when
        double asked{0};         // when, the last time
        struct running {
            double ends;
            std::size_t items;
        };
        std::queue<running> blocks{};
    };

    /// The time until the next poll of a rank that has been idle for so long, and sleeps the longer between two polls.
    double until_look(double idle)
    {
        constexpr double shortest = 60'000;
        return std::uniform_real_distribution(0.0, std::min(net_.look, std::max(shortest, idle)))(random_);
    }

    void serve_for(double ns)
    {
        rank0_ += ns;
        result_.busy += ns;
    }

    void grant(std::size_t rank)
    {
        if (grants_.is_all_granted()) return;
        const auto [begin, end] = grants_.next(rank);
        ++result_.blocks;
        const double arrives = rank0_ + net_.latency;
        events_.push({arrives + until_look(arrives - ranks_[rank].asked), kind::grant, rank, ++ranks_[rank].granted,
                      end - begin});
    }

    /// A block arrives at a rank.
    void begin(const event& granted)
    {
        rank_state& rank = ranks_[granted.rank];
        if (rank.begun++ == 0) rank.first_begun = granted.at;
        const std::size_t left = granted.items / 2;
        const double half = rank.its.claim(granted.items - left, granted.at);
        const double ends = rank.its.claim(left, std::max(half, granted.at)) + item_;
        rank.blocks.push({ends, granted.items});
        events_.push({std::min(half + until_look(net_.look), ends), kind::ask, granted.rank, granted.block, 0});
        events_.push({ends, kind::idle, granted.rank, granted.block, 0});
    }

    /// A rank reports what has ended, if anything has, and asks for a block, if it wants one.
    void report(const event& now, bool wants_more)
    {
        rank_state& rank = ranks_[now.rank];
        std::size_t ended = 0;
        for (; !rank.blocks.empty() && rank.blocks.front().ends <= now.at; rank.blocks.pop()) {
            ended += rank.blocks.front().items;
        }
        if (!wants_more && ended == 0) return;
        if (wants_more) rank.asked = now.at;
        events_.push({now.at + net_.latency, kind::message, now.rank, now.block, ended, wants_more});
    }

    void serve(const event& received)
    {
        if (received.at > rank0_) rank0_ = received.at + until_look(received.at - rank0_);
        const double takes = net_.service + net_.result * static_cast<double>(received.items);
        serve_for(takes);
        service_ = service_ == 0 ? takes : std::min(service_, takes);
        knows_item_ |= received.at - net_.latency >= ranks_[received.rank].first_begun + item_;
        if (knows_item_) grants_.measured(nanoseconds(item_), nanoseconds(service_));
        if (received.wants_more) grant(received.rank);
    }

    static std::chrono::nanoseconds nanoseconds(double ns)
    {
        return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(ns));
    }

    const network net_;
    const double item_;
    const std::size_t size_;
    grant_sizer grants_;
    std::vector<rank_state> ranks_;
    std::priority_queue<event, std::vector<event>, std::greater<>> events_;
    std::mt19937_64 random_{42};
    double rank0_{0};  // the time until which it has served
    double service_{0};
    bool knows_item_{false};
    outcome result_;
};

std::string duration(double ns)
{
    return ns < 1e6 ? fmt::format("{:.3g} us", ns / 1e3) : fmt::format("{:.3g} ms", ns / 1e6);
}

/// \return whether rank 0 is nowhere the limit where a run takes a second and blocks have 1 ms of work for each worker.
bool print_table(const network& net)
{
    fmt::print(
        "\nA message takes {}, rank 0 {} to serve it and {:g} ns a result\n\n"
        "| items | ideal, s | blocks | work a block and worker | efficiency | if rank 0 took no time | rank "
        "0 busy |\n"
        "|---|---|---|---|---|---|---|\n",
        duration(net.latency), duration(net.service), net.result);
    bool is_limit = false;
    for (const double item : {1e4, 1e6, 1e7, 1e8}) {
        for (const double seconds : {0.1, 1.0, 10.0}) {
            const work what{item, seconds};
            network free = net;
            free.service = free.result = 0;
            const outcome ran = simulation(what, net).run();
            const outcome freely = simulation(what, free).run();
            const double ideal = 1e9 * seconds;
            const double block = ideal * ranks / static_cast<double>(ran.blocks);
            fmt::print("| {} x {} | {:g} | {} | {} | {:.3f} | {:.3f} | {:.1f} % |\n", what.items(), duration(item),
                       seconds, ran.blocks, duration(block), ideal / ran.makespan, ideal / freely.makespan,
                       100 * ran.busy / ran.makespan);
            is_limit |= seconds >= 1 && block >= 1e6 && ran.makespan > 1.05 * freely.makespan;
        }
    }
    return !is_limit;
}

network parse(std::span<char* const> words)
{
    network net;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        const std::string_view option = words[i];
        double* const target = option == "--latency"   ? &net.latency
                               : option == "--service" ? &net.service
                               : option == "--result"  ? &net.result
                               : option == "--look"    ? &net.look
                                                       : nullptr;
        const std::string_view text = i + 1 < words.size() ? words[i + 1] : "";
        if (target == nullptr || std::from_chars(text.data(), text.data() + text.size(), *target).ec != std::errc{}) {
            std::cerr << "usage: mpi_simulation [--latency NS] [--service NS] [--result NS] [--look NS]\n";
            std::exit(2);
        }
    }
    return net;
}

}  // namespace

int main(int argc, char** argv)
{
    const network given = parse({argv + 1, argv + argc});
    fmt::print("Simulated: {} ranks x {} workers; an idle rank polls every {} at most.\n", ranks, workers,
               duration(given.look));
    // Through shared memory, as bench/mpi_bench measured, and through a network.
    const std::vector<network> defaults = {{.latency = 500, .service = 1'000}, {.latency = 2'000, .service = 2'000}};
    bool is_well = true;
    for (const network& net : argc > 1 ? std::vector{given} : defaults) is_well = print_table(net) && is_well;
    fmt::print("\nRank 0 is {} the limit for blocks above 1 ms of work.\n", is_well ? "not" : "somewhere");
}
