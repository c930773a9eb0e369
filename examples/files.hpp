// SPDX-License-Identifier: Apache-2.0
// For the examples that read directory trees: the list of files, their SHA-256, their names as printed, and the errors
// of files that cannot be read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
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

namespace files {

/// A path that could not be read, and why.
struct file_error {
    std::string path;
    std::string why;
};

/// A range of what could be read, and the errors of what could not.
template <class T>
struct found {
    auto begin() const { return items.begin(); }
    auto end() const { return items.end(); }

    std::vector<T> items;
    std::vector<file_error> errors;
};

/// The system's text of the error. The path is left out: file_error has it.
inline std::string reason(const parmap::failure& failed)
{
    try {
        std::rethrow_exception(failed.error);
    } catch (const std::system_error& e) {
        return e.code().message();
    } catch (...) {
        return failed.what();
    }
}

/// The entries of one directory, or of all directories of one level.
struct listing {
    std::vector<std::string> files;
    std::vector<std::string> directories;
};

inline void add(const std::string& path, const std::filesystem::file_status& status, listing& found)
{
    if (std::filesystem::is_regular_file(status)) found.files.push_back(path);
    if (std::filesystem::is_directory(status)) found.directories.push_back(path);
}

inline listing list(const std::string& directory)
{
    listing found;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        add(entry.path().native(), entry.symlink_status(), found);
    }
    return found;
}

/// The regular files below the roots, sorted by path; a root may be a file itself. Each level of directories is one
/// try_map, on up to `workers` CPUs.
inline found<std::string> below(const std::vector<std::string>& roots, std::optional<int> workers)
{
    found<std::string> tree;
    listing level;
    for (const std::string& root : roots) {
        std::error_code error;
        add(root, std::filesystem::symlink_status(root, error), level);
        if (error) tree.errors.push_back({root, error.message()});
    }
    tree.items = std::move(level.files);
    while (!level.directories.empty()) {
        const std::vector<std::string> directories = std::move(level.directories);
        level = {};
        auto listings = parmap::try_map(directories, list, {.max_workers = workers});
        for (auto& listed : listings.values) {
            if (!listed) continue;
            std::ranges::move(listed->files, std::back_inserter(tree.items));
            std::ranges::move(listed->directories, std::back_inserter(level.directories));
        }
        for (const parmap::failure& failed : listings.failures) {
            tree.errors.push_back({directories[failed.index], reason(failed)});
        }
    }
    std::ranges::sort(tree.items);
    return tree;
}

/// Calls `use` with one piece of a file after the other, of at most 64 KiB.
void for_each_piece(const std::string& path, const auto& use)
{
    const command_line::input_file input(path);
    constexpr std::size_t buffer_size = std::size_t{64} << 10U;
    const auto memory = std::make_unique_for_overwrite<char[]>(buffer_size);
    const std::span buffer(memory.get(), buffer_size);
    while (const std::size_t size = input.read(std::as_writable_bytes(buffer))) {
        use(std::string_view(buffer.data(), size));
    }
}

/// The SHA-256 of a file's content, in hexadecimal.
inline std::string sha256(const std::string& path)
{
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
        throw std::runtime_error("OpenSSL offers no SHA-256");
    }
    for_each_piece(path, [&](std::string_view piece) { EVP_DigestUpdate(context.get(), piece.data(), piece.size()); });
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

/// The path as sha256sum prints it, in one line: newline, carriage return and backslash are escaped.
inline std::string escaped(const std::string& path)
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
    return name;
}

/// Flushes stdout and prints the errors on stderr.
/// \return the exit code
inline int end_output(std::string_view program, const std::vector<file_error>& errors)
{
    std::cout.flush();
    for (const file_error& error : errors) {
        std::cerr << program << ": " << error.path << ": " << error.why << '\n';
    }
    if (!std::cout) std::cerr << program << ": the output could not be written\n";
    return errors.empty() && std::cout ? 0 : 1;
}

}  // namespace files
