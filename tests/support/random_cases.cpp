// SPDX-License-Identifier: Apache-2.0
#include "random_cases.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace parmap::testing {

namespace {

/// The number in an environment variable, which ends with `unit`; nothing where it is not set.
template <class Number>
std::optional<Number> number_from_environment(const char* name, Number (*parse)(const char*, char**),
                                              const std::string& unit = "")
{
    const char* const text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    char* end = nullptr;
    const Number number = parse(text, &end);
    if (end == text || end != unit) {
        throw std::invalid_argument(std::string(name) + "=" + text + " is not a number" +
                                    (unit.empty() ? "" : " followed by " + unit));
    }
    return number;
}

std::optional<std::uint64_t> whole_number_from_environment(const char* name)
{
    return number_from_environment<std::uint64_t>(
        name, [](const char* text, char** end) -> std::uint64_t { return std::strtoull(text, end, 10); });
}

std::uint64_t scaled(std::uint64_t usual)
{
    const double factor = number_from_environment("PARMAP_TEST_CASES", &std::strtod, "x").value_or(1);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(static_cast<double>(usual) * factor)));
}

dice dice_of_case(std::uint64_t seed, std::uint64_t number)
{
    return dice(dice(seed + dice(number).next()).next());
}

/// Prints how to replay the case when it has failed or thrown.
class replay_hint {
public:
    replay_hint(std::uint64_t seed, std::uint64_t number) : seed_(seed), number_(number) {}
    replay_hint(const replay_hint&) = delete;
    replay_hint& operator=(const replay_hint&) = delete;
    ~replay_hint()
    {
        if (!::testing::Test::HasFailure() && std::uncaught_exceptions() == exceptions_) return;
        const auto& test = *::testing::UnitTest::GetInstance()->current_test_info();
        std::cout << "This case again: PARMAP_TEST_SEED=" << seed_ << " PARMAP_TEST_CASE=" << number_ << ' '
                  << program_invocation_name << " --gtest_filter=" << test.test_suite_name() << '.' << test.name()
                  << std::endl;
    }

private:
    std::uint64_t seed_;
    std::uint64_t number_;
    int exceptions_{std::uncaught_exceptions()};
};

}  // namespace

std::uint64_t for_random_cases(std::uint64_t usual, const std::function<void(dice&)>& check)
{
    const std::uint64_t seed = whole_number_from_environment("PARMAP_TEST_SEED").value_or(std::random_device{}());
    const auto alone = whole_number_from_environment("PARMAP_TEST_CASE");
    const std::uint64_t first = alone.value_or(0);
    const std::uint64_t end = alone ? first + 1 : scaled(usual);
    // Flushed, because a test that hangs is killed.
    std::cout << end - first << " random cases, PARMAP_TEST_SEED=" << seed << std::endl;
    std::uint64_t number = first;
    while (number != end && !::testing::Test::HasFailure()) {
        const replay_hint hint(seed, number);
        dice random = dice_of_case(seed, number);
        check(random);
        ++number;
    }
    return number - first;
}

}  // namespace parmap::testing
