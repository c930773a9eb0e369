// SPDX-License-Identifier: Apache-2.0
// use of deleted function|call to deleted member function
#include <parmap/parmap.hpp>

int refused(parmap::task_graph& graph)
{
    return graph.add("answer", [] { return 42; }).get();
}
