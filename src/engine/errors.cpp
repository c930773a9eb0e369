// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <parmap/errors.hpp>

namespace parmap::inline v0_2 {

namespace {

std::string sentence(stop_reason reason, std::size_t completed, std::size_t total, std::string_view counted)
{
    const std::string_view what = reason == stop_reason::timed_out ? "timed out" : "stopped on request";
    return "parmap: " + std::string(what) + " after " + std::to_string(completed) + " of " + std::to_string(total) +
           " " + std::string(counted);
}

}  // namespace

cancelled::cancelled(stop_reason reason, std::size_t completed, std::size_t total, std::string_view counted)
    : std::runtime_error(sentence(reason, completed, total, counted)),
      reason_(reason),
      completed_(completed),
      total_(total)
{
}

std::string failure::what() const
{
    if (error == nullptr) return {};
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown exception";
    }
}

}  // namespace parmap::inline v0_2
