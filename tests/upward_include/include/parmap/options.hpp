// SPDX-License-Identifier: Apache-2.0
// For Layers.AnUpwardIncludeIsCaught: a lower layer that includes a higher one.
#pragma once

#include <parmap/map.hpp>
