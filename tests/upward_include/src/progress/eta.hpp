// SPDX-License-Identifier: Apache-2.0
// An include that the layers of src/ forbid, and one of the operating system.
#pragma once

#include <unistd.h>

#include "graph/graph_run.hpp"
