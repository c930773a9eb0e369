// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <stdlib.h>

namespace parmap::testing {

/// A new folder, which the destructor removes with all that is in it.
class temporary_folder {
public:
    temporary_folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "parmap-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    const std::filesystem::path& path() const noexcept { return path_; }

    /// \param file  relative to the folder; missing folders are made
    void write(const std::filesystem::path& file, const std::string& line) const
    {
        std::filesystem::create_directories((path_ / file).parent_path());
        std::ofstream(path_ / file) << line << '\n';
    }

private:
    std::filesystem::path path_;
};

/// The path of a file in a new folder. The file is not made.
class temporary_file {
public:
    std::string path() const { return (folder_.path() / "file").string(); }

private:
    temporary_folder folder_;
};

inline std::string content_of(const std::filesystem::path& path)
{
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace parmap::testing
