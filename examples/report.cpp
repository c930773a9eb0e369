// SPDX-License-Identifier: Apache-2.0
// A table of the files below some directories: a task graph with three maps side by side.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <parmap/parmap.hpp>

#include "command_line.hpp"
#include "files.hpp"

namespace {

constexpr std::string_view usage =
    "usage: report [--workers N] [--dot FILE] DIR...\n"
    "Prints the SHA-256, the number of lines and the type of every regular file below each DIR, in the\n"
    "order of their paths, then totals for each type and for all. Symbolic links are not followed. In\n"
    "names, newline, return and backslash are printed as \\n, \\r and \\\\.\n"
    "  --workers N  threads to use; 0 or 1: only the main thread (default: every CPU)\n"
    "  --dot FILE   write the task graph, with times, in the language of Graphviz\n"
    "Exit code: 0, 1 for a failure (unreadable files are named on stderr), 2 for wrong arguments.\n";

struct arguments {
    std::optional<int> workers;
    std::optional<std::string> dot;
};

/// The result for one file, or why the file cannot be read.
template <class T>
struct attempt {
    std::optional<T> value;
    std::string why;
};

/// Wraps a function of a path: it returns a system error instead of throwing it, so that the other files go on.
template <class Fn>
auto attempted(Fn fn)
{
    return [fn](const std::string& path) {
        using result = attempt<decltype(fn(path))>;
        try {
            return result{fn(path), {}};
        } catch (const std::system_error& e) {
            return result{std::nullopt, e.code().message()};
        }
    };
}

struct extent {
    std::uint64_t lines{0};
    std::uint64_t bytes{0};
};

/// Counts as wc does: a line ends with a newline.
extent measure(const std::string& path)
{
    extent size;
    files::for_each_piece(path, [&](std::string_view piece) {
        size.lines += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
        size.bytes += piece.size();
    });
    return size;
}

/// Checks whether bytes are text: valid UTF-8 (RFC 3629) without NUL.
class text_check {
public:
    void read(unsigned char c)
    {
        if (missing_ > 0) {
            is_text_ = is_text_ && least_ <= c && c <= most_;
            --missing_;
            least_ = 0x80;
            most_ = 0xBF;
        } else if (c >= 0x80) {
            begin_character(c);
        } else if (c == 0) {
            is_text_ = false;
        }
    }

    bool is_text() const { return is_text_ && missing_ == 0; }
    bool is_ascii() const { return is_text_ && is_ascii_; }

private:
    /// The first byte of a character says how many follow, and limits the next: no character has two forms, none is
    /// a surrogate, and none is beyond U+10FFFF.
    void begin_character(unsigned char c)
    {
        is_ascii_ = false;
        if (c >= 0xC2 && c <= 0xDF) {
            missing_ = 1;
        } else if (c >= 0xE0 && c <= 0xEF) {
            missing_ = 2;
            if (c == 0xE0) least_ = 0xA0;
            if (c == 0xED) most_ = 0x9F;
        } else if (c >= 0xF0 && c <= 0xF4) {
            missing_ = 3;
            if (c == 0xF0) least_ = 0x90;
            if (c == 0xF4) most_ = 0x8F;
        } else {
            is_text_ = false;
        }
    }

    int missing_{0};
    unsigned char least_{0x80};
    unsigned char most_{0xBF};
    bool is_text_{true};
    bool is_ascii_{true};
};

/// Removes the first word from the text. \return the word
std::string_view take_word(std::string_view& text)
{
    constexpr std::string_view space = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(space));
    text.remove_prefix(word.size());
    return word;
}

/// The interpreter that the line after #! names; just "script" when its name is long or has special characters.
std::string script_type(std::string_view line)
{
    const std::string_view program = take_word(line);
    if (!program.starts_with('/')) return "script";
    std::string_view name = program.substr(program.rfind('/') + 1);
    if (name == "env") name = take_word(line);
    const bool is_plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '+';
    });
    return is_plain && !name.empty() && name.size() <= 20 ? std::string(name) + " script" : "script";
}

/// The type that the first bytes of a file show, if any.
std::optional<std::string> type_by_signature(std::string_view head)
{
    using namespace std::string_view_literals;
    constexpr std::array signatures{
        std::pair{"\177ELF"sv, "ELF"sv},       std::pair{"!<arch>\n"sv, "ar archive"sv},
        std::pair{"PK\x03\x04"sv, "zip"sv},    std::pair{"\x1F\x8B"sv, "gzip"sv},
        std::pair{"\xFD\x37zXZ\0"sv, "xz"sv},  std::pair{"\x89PNG\r\n\x1A\n"sv, "PNG"sv},
        std::pair{"\xFF\xD8\xFF"sv, "JPEG"sv}, std::pair{"%PDF-"sv, "PDF"sv},
    };
    for (const auto& [signature, type] : signatures) {
        if (head.starts_with(signature)) return std::string(type);
    }
    if (head.starts_with("#!")) return script_type(head.substr(2, head.find_first_of("\r\n") - 2));
    return std::nullopt;
}

/// The type of a file by its content; its name does not matter.
std::string type_of(const std::string& path)
{
    std::optional<std::string> type;
    bool is_empty = true;
    text_check text;
    files::for_each_piece(path, [&](std::string_view piece) {
        if (std::exchange(is_empty, false)) type = type_by_signature(piece);
        if (type) return;
        for (const char c : piece) text.read(static_cast<unsigned char>(c));
    });
    if (is_empty) return "empty";
    if (type) return *type;
    if (!text.is_text()) return "binary";
    return text.is_ascii() ? "ASCII text" : "UTF-8 text";
}

struct row {
    std::string path;
    std::string hash;
    std::string type;
    extent size;
};

/// A row for each file that could be read, and the errors of the others.
files::found<row> join(const files::found<std::string>& tree, const std::vector<attempt<std::string>>& hashes,
                       const std::vector<attempt<extent>>& sizes, const std::vector<attempt<std::string>>& types)
{
    files::found<row> table{{}, tree.errors};
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
        const std::string& path = tree.items[i];
        if (!hashes[i].value) {
            table.errors.push_back({path, hashes[i].why});
        } else if (!sizes[i].value) {
            table.errors.push_back({path, sizes[i].why});
        } else if (!types[i].value) {
            table.errors.push_back({path, types[i].why});
        } else {
            table.items.push_back({path, *hashes[i].value, *types[i].value, *sizes[i].value});
        }
    }
    return table;
}

struct tally {
    std::uint64_t files{0};
    extent size;

    tally& operator+=(const tally& other)
    {
        files += other.files;
        size.lines += other.size.lines;
        size.bytes += other.size.bytes;
        return *this;
    }
};

/// The tally of each type.
struct totals {
    totals() = default;
    totals(const row& file) : by_type{{file.type, {1, file.size}}} {}

    std::map<std::string, tally> by_type;
};

totals merged(totals a, const totals& b)
{
    for (const auto& [type, sum] : b.by_type) a.by_type[type] += sum;
    return a;
}

/// The width of a column with this heading and numbers up to `greatest`.
int width(std::string_view heading, std::uint64_t greatest)
{
    return static_cast<int>(std::max(heading.size(), std::to_string(greatest).size()));
}

/// The text of the report.
std::string lay_out(const files::found<row>& table, const totals& sums)
{
    tally all;
    std::size_t type_width = std::string_view("type").size();
    for (const auto& [type, sum] : sums.by_type) {
        all += sum;
        type_width = std::max(type_width, type.size());
    }
    const int files_width = width("files", all.files);
    const int lines_width = width("lines", all.size.lines);
    const int bytes_width = width("bytes", all.size.bytes);

    std::ostringstream text;
    const auto put_file = [&](std::string_view hash, const auto& lines, std::string_view type, std::string_view path) {
        text << std::left << std::setw(64) << hash << "  " << std::right << std::setw(lines_width) << lines << "  "
             << std::left << std::setw(static_cast<int>(type_width)) << type << "  " << path << '\n';
    };
    put_file("sha256", "lines", "type", "path");
    for (const row& file : table) {
        put_file(file.hash, file.size.lines, file.type, files::escaped(file.path));
    }

    const auto put_sum = [&](const auto& files, const auto& lines, const auto& bytes, std::string_view type) {
        text << std::right << std::setw(files_width) << files << "  " << std::setw(lines_width) << lines << "  "
             << std::setw(bytes_width) << bytes << "  " << type << '\n';
    };
    text << '\n';
    put_sum("files", "lines", "bytes", "type");
    for (const auto& [type, sum] : sums.by_type) put_sum(sum.files, sum.size.lines, sum.size.bytes, type);
    put_sum(all.files, all.size.lines, all.size.bytes, "all");
    return text.str();
}

/// \return whether it could be written
bool write(const std::string& text, const std::string& path)
{
    std::ofstream file(path);
    file << text;
    file.close();
    return !file.fail();
}

int print_report(const std::vector<std::string>& roots, const arguments& args)
{
    parmap::task_graph graph;
    const auto tree = graph.add("list files", [&] { return files::below(roots, args.workers); });
    const auto hashes = graph.map("hash", tree, attempted(files::sha256));
    const auto sizes = graph.map("count lines", tree, attempted(measure));
    const auto types = graph.map("detect types", tree, attempted(type_of));
    const auto table = graph.add("join", join, tree, hashes, sizes, types);
    const auto sums = graph.reduce("add up", table, totals(), merged);
    const auto text = graph.add("lay out", lay_out, table, sums);
    const auto draw = [&] { return !args.dot || write(graph.dot(), *args.dot); };
    try {
        graph.run({.max_workers = args.workers, .progress = parmap::progress_bar{.label = "report", .unit = "step"}});
    } catch (...) {
        draw();  // shows which step failed and which did not run
        throw;
    }

    std::cout << text.get();
    std::vector<files::file_error> errors = table.get().errors;
    if (!draw()) errors.push_back({*args.dot, "the graph could not be written"});
    return files::end_output("report", errors);
}

}  // namespace

int main(int argc, char** argv)
{
    arguments args;
    return command_line::run("report", usage, {argv + 1, argv + argc},
                             {command_line::number_option("--workers", args.workers),
                              {"--dot", "a FILE", [&](std::string_view path) { args.dot = path; }}},
                             [&](const std::vector<std::string>& roots) {
                                 return print_report(command_line::at_least_one("DIR", roots), args);
                             });
}
