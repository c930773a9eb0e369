// SPDX-License-Identifier: Apache-2.0
#include "mpi/report.hpp"

#include <utility>

namespace parmap::inline v0_2::mpi::detail {

namespace {

void write_failures(const std::vector<rank_failure>& failures, writer& to)
{
    to.value(static_cast<std::uint64_t>(failures.size()));
    for (const rank_failure& failed : failures) {
        to.value(failed.index);
        to.value(failed.rank);
        to.value(failed.text);
    }
}

std::vector<rank_failure> read_failures(reader& from)
{
    std::vector<rank_failure> failures(from.count());
    for (rank_failure& failed : failures) {
        failed.index = from.value<std::size_t>();
        failed.rank = from.value<int>();
        failed.text = from.value<std::string>();
    }
    return failures;
}

}  // namespace

void block_report::fail(int rank, const std::exception_ptr& why, parmap::detail::on_failure policy)
{
    const std::string text = parmap::failure{begin, why}.what();
    std::vector<rank_failure> all;
    auto known = failures.begin();
    for (std::size_t i = begin; i != end; ++i) {
        if (known != failures.end() && known->index == i) {
            all.push_back(std::move(*known++));
        } else {
            all.push_back({i, rank, text, why});
        }
        if (policy == parmap::detail::on_failure::stop) break;
    }
    failures = std::move(all);
    completed = 0;
    results.clear();
}

void report::write(writer& to) const
{
    to.value(wants_more);
    to.value(has_left);
    to.value(stopped);
    to.value(done);
    to.value(busy);
    to.value(busy_ns);
    to.value(static_cast<std::uint64_t>(blocks.size()));
    for (const block_report& block : blocks) {
        to.value(block.begin);
        to.value(block.end);
        to.value(block.completed);
        write_failures(block.failures, to);
        to.value(block.results);
    }
}

report report::read(reader& from)
{
    report said;
    said.wants_more = from.value<bool>();
    said.has_left = from.value<bool>();
    said.stopped = from.value<stop_reason>();
    said.done = from.value<std::uint64_t>();
    said.busy = from.value<std::int32_t>();
    said.busy_ns = from.value<std::int64_t>();
    said.blocks.resize(from.count());
    for (block_report& block : said.blocks) {
        block.begin = from.value<std::size_t>();
        block.end = from.value<std::size_t>();
        block.completed = from.value<std::size_t>();
        block.failures = read_failures(from);
        block.results = from.value<std::vector<std::byte>>();
    }
    return said;
}

void write_result(const call_result& result, writer& to)
{
    to.value(result.size);
    to.value(result.completed);
    to.value(result.stopped);
    write_failures(result.failures, to);
}

call_result read_result(reader& from)
{
    call_result result;
    result.size = from.value<std::size_t>();
    result.completed = from.value<std::size_t>();
    result.stopped = from.value<stop_reason>();
    result.failures = read_failures(from);
    return result;
}

}  // namespace parmap::inline v0_2::mpi::detail
