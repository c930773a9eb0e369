// SPDX-License-Identifier: Apache-2.0
// What every other header rests on: the one export macro.
#pragma once

// The library is built with hidden visibility; only what carries this macro leaves it.
#if defined(__GNUC__)
#    define PARMAP_EXPORT __attribute__((visibility("default")))
#else
#    define PARMAP_EXPORT
#endif
