// SPDX-License-Identifier: Apache-2.0
// The version of parmap. CMakeLists.txt reads it from here.
#pragma once

/// The version as a number for `#if`: 10,000 x major + 100 x minor + patch.
#define PARMAP_VERSION 200
/// The version as text: major.minor.patch.
#define PARMAP_VERSION_TEXT "0.2.0"

// ABI: releases of one minor version are binary compatible. All names are in an inline namespace of the minor version:
// one process may hold two of them, and headers of one do not link with the library of another.
namespace parmap::inline v0_2 {
}
