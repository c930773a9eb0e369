// SPDX-License-Identifier: Apache-2.0
// The version of parmap. CMake reads it here.
#pragma once

/// The version as a number for `#if`: 10,000 x major + 100 x minor + patch.
#define PARMAP_VERSION 200
/// The version as text: major.minor.patch.
#define PARMAP_VERSION_TEXT "0.2.0"

/// Names of parmap stand in an inline namespace of their minor version. So two minor versions may live in one program,
/// and a program that is linked to the library of another minor version than its headers is refused by the linker.
/// Patch versions of one minor version fit each other.
namespace parmap::inline v0_2 {
}
