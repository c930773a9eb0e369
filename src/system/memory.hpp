// SPDX-License-Identifier: Apache-2.0
// Huge pages; memory.cpp also allocates the memory of parmap::vector. What is here is advice: where the system refuses
// it, nothing changes.
#pragma once

#include <cstddef>

namespace parmap::inline v0_2::detail {

inline constexpr std::size_t huge_page = std::size_t{2} << 20U;

/// Asks for huge pages for memory that is not written yet.
void advise_huge_pages(void* memory, std::size_t bytes) noexcept;

/// Whether populate_pages() can do anything.
extern const bool can_populate_pages;

/// Gives memory that is not written yet its pages, as zeros. Linux refuses it before 5.14.
void populate_pages(void* memory, std::size_t bytes) noexcept;

}  // namespace parmap::inline v0_2::detail
