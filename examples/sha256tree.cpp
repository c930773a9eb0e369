// SPDX-License-Identifier: Apache-2.0
// Prints what sha256sum prints for every regular file below the given directories, on every CPU.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include <parmap/parmap.hpp>

#include "command_line.hpp"

namespace fs = std::filesystem;

namespace {

constexpr std::string_view usage =
    "usage: sha256tree [--workers N] DIR...\n"
    "Prints the SHA-256 of every regular file below each DIR, in the order of their paths, as\n"
    "sha256sum does. Symbolic links are not followed.\n"
    "  --workers N  threads to use; 0 or 1: no other than its own (default: every CPU)\n"
    "Exit code: 0, 1 for a failure (unreadable files are named on stderr), 2 for wrong arguments.\n";

using command_line::wrong_arguments;

struct arguments {
    std::optional<int> workers;
    std::vector<std::string> roots;
    bool help{false};
};

/// \throws wrong_arguments with a sentence about what is wrong.
arguments parse(const std::vector<std::string_view>& words)
{
    arguments args;
    bool options_end = false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (options_end || word == "-" || !word.starts_with('-')) {
            args.roots.emplace_back(word);
        } else if (word == "--") {
            options_end = true;
        } else if (word == "--help" || word == "-h") {
            args.help = true;
        } else if (word == "--workers") {
            if (++i == words.size()) throw wrong_arguments("--workers needs a number");
            args.workers = command_line::number_for(word, words[i]);
        } else {
            throw wrong_arguments("unknown option " + std::string(word));
        }
    }
    if (args.roots.empty() && !args.help) throw wrong_arguments("no DIR was given");
    return args;
}

/// What could not be read, and why.
struct complaint {
    std::string path;
    std::string why;
};

/// The system's words for it, without the path, which the complaint has.
std::string reason(const parmap::failure& failed)
{
    try {
        std::rethrow_exception(failed.error);
    } catch (const std::system_error& e) {
        return e.code().message();
    } catch (...) {
        return failed.what();
    }
}

/// What lies directly in a directory.
struct listing {
    std::vector<std::string> files;
    std::vector<std::string> directories;
};

void add(const std::string& path, const fs::file_status& status, listing& found)
{
    if (fs::is_regular_file(status)) found.files.push_back(path);
    if (fs::is_directory(status)) found.directories.push_back(path);
}

listing list(const std::string& directory)
{
    listing found;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        add(entry.path().native(), entry.symlink_status(), found);
    }
    return found;
}

/// The regular files below the roots, or the roots themselves where they are files, by path. Each level of
/// directories is listed on every CPU.
std::vector<std::string> find_files(const arguments& args, std::vector<complaint>& complaints)
{
    listing level;
    for (const std::string& root : args.roots) {
        std::error_code error;
        add(root, fs::symlink_status(root, error), level);
        if (error) complaints.push_back({root, error.message()});
    }
    std::vector<std::string> files = std::move(level.files);
    while (!level.directories.empty()) {
        const std::vector<std::string> directories = std::move(level.directories);
        level = {};
        auto listings = parmap::try_map(directories, list, {.max_workers = args.workers});
        for (auto& found : listings.values) {
            if (!found) continue;
            std::ranges::move(found->files, std::back_inserter(files));
            std::ranges::move(found->directories, std::back_inserter(level.directories));
        }
        for (const parmap::failure& failed : listings.failures) {
            complaints.push_back({directories[failed.index], reason(failed)});
        }
    }
    std::ranges::sort(files);
    return files;
}

/// The SHA-256 of a file's content, in hexadecimal; the file is never whole in memory.
std::string sha256(const std::string& path)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL offers no SHA-256");
    }
    const command_line::input_file input(path);
    constexpr std::size_t buffer_size = std::size_t{64} << 10U;
    const auto memory = std::make_unique_for_overwrite<std::byte[]>(buffer_size);
    const std::span buffer(memory.get(), buffer_size);
    while (const std::size_t size = input.read(buffer)) EVP_DigestUpdate(context.get(), buffer.data(), size);

    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context.get(), digest.data(), &length);
    std::string hex;
    for (unsigned i = 0; i < length; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        hex += digits[digest.at(i) >> 4U];
        hex += digits[digest.at(i) & 0xFU];
    }
    return hex;
}

/// The line sha256sum prints: names with a newline, a return or a backslash are escaped, and marked.
std::string line(const std::string& hash, const std::string& path)
{
    std::string name;
    for (const char c : path) {
        switch (c) {
            case '\\':
                name += "\\\\";
                break;
            case '\n':
                name += "\\n";
                break;
            case '\r':
                name += "\\r";
                break;
            default:
                name += c;
        }
    }
    const bool escaped = name.size() != path.size();
    return (escaped ? "\\" : "") + hash + "  " + name + '\n';
}

int hash_tree(const arguments& args)
{
    std::vector<complaint> complaints;
    const std::vector<std::string> files = find_files(args, complaints);

    const auto hashes = parmap::try_map(
        files, sha256,
        {.max_workers = args.workers, .progress = parmap::progress_bar{.label = "hashing", .unit = "file"}});

    for (std::size_t i = 0; i < files.size(); ++i) {
        if (hashes.values[i]) std::cout << line(*hashes.values[i], files[i]);
    }
    for (const parmap::failure& failed : hashes.failures)
        complaints.push_back({files[failed.index], reason(failed)});

    std::cout.flush();
    for (const complaint& c : complaints) {
        std::cerr << "sha256tree: " << c.path << ": " << c.why << '\n';
    }
    if (!std::cout) std::cerr << "sha256tree: the output could not be written\n";
    return complaints.empty() && std::cout ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv)
{
    return command_line::exit_code_of("sha256tree", usage, [&] {
        const arguments args = parse({argv + 1, argv + argc});
        if (args.help) {
            std::cout << usage;
            return 0;
        }
        return hash_tree(args);
    });
}
