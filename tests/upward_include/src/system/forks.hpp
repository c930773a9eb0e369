// SPDX-License-Identifier: Apache-2.0
// What is allowed.
#pragma once

#include <unistd.h>

#include "system/files.hpp"
