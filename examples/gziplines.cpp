// SPDX-License-Identifier: Apache-2.0
// Compresses standard input as gzip does, on every CPU, in bounded memory: a stream over chunks of the input.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>
#include <zlib.h>

#include <parmap/parmap.hpp>

#include "command_line.hpp"

namespace {

constexpr std::string_view usage =
    "usage: gziplines [--workers N] [--level 1..9]\n"
    "Compresses standard input to standard output, for gzip -d and zcat to read:\n"
    "  gziplines <access.log >access.log.gz\n"
    "Each gzip member holds at most 1 MiB of whole lines; a longer line is cut. The output is the same for\n"
    "any number of workers. The memory, about 8 MB for each worker, is the same for any length of the input.\n"
    "  --workers N  threads to use; 0 or 1: only the main thread (default: every CPU)\n"
    "  --level N    1 is the fastest, 9 makes the smallest output (default: 6)\n"
    "Exit code: 0, 1 for a failure (the output is cut short), 2 for wrong arguments.\n";

using command_line::wrong_arguments;

struct arguments {
    std::optional<int> workers;
    int level{6};
};

/// \throws wrong_arguments unless the text is 1 to 9
int parse_level(std::string_view text)
{
    if (text.size() != 1 || text[0] < '1' || text[0] > '9') {
        throw wrong_arguments("--level " + std::string(text) + ": give a whole number from 1 to 9");
    }
    return text[0] - '0';
}

using bytes = std::vector<unsigned char>;

/// Fills the buffer. \return the bytes read; fewer than its size only at the end of the input
std::size_t read_input(std::span<unsigned char> buffer)
{
    const std::span memory = std::as_writable_bytes(buffer);
    std::size_t size = 0;
    while (size != memory.size()) {
        const std::size_t got = command_line::read_some(STDIN_FILENO, memory.subspan(size), "standard input");
        if (got == 0) break;
        size += got;
    }
    return size;
}

void write_output(std::span<const unsigned char> buffer)
{
    while (!buffer.empty()) {
        const ssize_t put = ::write(STDOUT_FILENO, buffer.data(), buffer.size());
        if (put >= 0) buffer = buffer.subspan(static_cast<std::size_t>(put));
        if (put < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "standard output");
        }
    }
}

/// Standard input as a range of chunks that end where a line ends. Incrementing the iterator reads the next chunk. A
/// line longer than a chunk is cut.
class input_chunks : public std::ranges::view_base {
public:
    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = bytes;
        using difference_type = std::ptrdiff_t;

        explicit iterator(input_chunks& chunks) : chunks_(&chunks) {}

        /// An rvalue: the stream moves the chunk out instead of copying it.
        bytes&& operator*() const { return std::move(chunks_->chunk_); }
        iterator& operator++()
        {
            chunks_->read();
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t /*end*/) const { return chunks_->chunk_.empty(); }

    private:
        input_chunks* chunks_;
    };

    iterator begin()
    {
        read();
        return iterator(*this);
    }
    static std::default_sentinel_t end() noexcept { return {}; }

private:
    static constexpr std::size_t chunk_size = std::size_t{1} << 20U;

    void read()
    {
        chunk_ = std::exchange(begun_line_, {});
        // On a terminal, another read would wait for more input.
        if (is_at_end_) return;
        const std::size_t begun = chunk_.size();
        chunk_.resize(chunk_size);
        const std::size_t size = begun + read_input(std::span(chunk_).subspan(begun));
        is_at_end_ = size != chunk_size;
        if (is_at_end_) {
            chunk_.resize(size);
        } else {
            keep_whole_lines();
        }
    }

    void keep_whole_lines()
    {
        const auto lines_end = std::find(chunk_.rbegin(), chunk_.rend(), '\n').base();
        if (lines_end == chunk_.begin()) return;
        begun_line_.assign(lines_end, chunk_.end());
        chunk_.erase(lines_end, chunk_.end());
    }

    bytes chunk_;       // the current chunk; empty at the end
    bytes begun_line_;  // the beginning of the next chunk
    bool is_at_end_{false};
};

/// The chunk as a gzip member.
bytes compress(bytes chunk, int level)
{
    constexpr int with_gzip_header = 16;  // see deflateInit2 in zlib.h
    constexpr int default_memory_level = 8;
    z_stream stream{};
    const int error = deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + with_gzip_header, default_memory_level,
                                   Z_DEFAULT_STRATEGY);
    if (error != Z_OK) throw std::runtime_error(std::string("zlib: ") + zError(error));
    const std::unique_ptr<z_stream, decltype(&deflateEnd)> end_at_return(&stream, deflateEnd);

    bytes member(deflateBound(&stream, chunk.size()));
    stream.next_in = chunk.data();
    stream.avail_in = static_cast<uInt>(chunk.size());
    stream.next_out = member.data();
    stream.avail_out = static_cast<uInt>(member.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("zlib: a chunk was not compressed whole");
    member.resize(stream.total_out);
    return member;
}

void compress_input(const arguments& args)
{
    bool is_empty = true;
    for (auto&& member :
         parmap::stream(input_chunks(), [&](bytes chunk) { return compress(std::move(chunk), args.level); },
                        {.max_workers = args.workers,
                        .progress = parmap::progress_bar{.label = "compressing", .unit = "chunk"}})) {
        write_output(member);
        is_empty = false;
    }
    // A gzip file has at least one member.
    if (is_empty) write_output(compress({}, args.level));
}

}  // namespace

int main(int argc, char** argv)
{
    arguments args;
    return command_line::run("gziplines", usage, {argv + 1, argv + argc},
                             {command_line::number_option("--workers", args.workers),
                              {"--level", "a number", [&](std::string_view text) { args.level = parse_level(text); }}},
                             [&](const std::vector<std::string>& operands) {
                                 if (!operands.empty())
                                     throw wrong_arguments(operands.front() + ": only standard input is read");
                                 compress_input(args);
                                 return 0;
                             });
}
