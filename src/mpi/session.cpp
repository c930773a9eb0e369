// SPDX-License-Identifier: Apache-2.0
#include <parmap/mpi/session.hpp>

#include <stdexcept>

namespace parmap::inline v0_2::mpi {

namespace {

constexpr const char* too_little_for_threads =
    "parmap::mpi: MPI offers MPI_THREAD_SINGLE, but a rank has several threads, of which one calls MPI: initialise it "
    "with MPI_Init_thread(..., MPI_THREAD_FUNNELED, ...), or leave that to parmap::mpi::session";

/// What MPI answers to a question about its state: MPI_Initialized, for example.
int ask(int (*question)(int*))
{
    int answer = 0;
    question(&answer);
    return answer;
}

bool is_initialized()
{
    if (ask(&MPI_Finalized) != 0) {
        throw std::runtime_error("parmap::mpi: MPI was finalized, and cannot begin again in the same process");
    }
    return ask(&MPI_Initialized) != 0;
}

}  // namespace

session::session(int& argc, char**& argv) : owns_(!is_initialized())
{
    int level = 0;
    if (owns_) {
        MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    } else {
        level = ask(&MPI_Query_thread);
    }
    if (level < MPI_THREAD_FUNNELED) {
        if (owns_) MPI_Finalize();
        throw std::runtime_error(too_little_for_threads);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

session::~session()
{
    if (owns_) MPI_Finalize();
}

void detail::require_usable(MPI_Comm communicator)
{
    const auto require = [](bool holds, const char* else_text) {
        if (!holds) throw std::logic_error(else_text);
    };
    require(ask(&MPI_Initialized) != 0,
            "parmap::mpi: MPI is not initialized: begin main with parmap::mpi::session session(argc, argv);");
    require(ask(&MPI_Finalized) == 0, "parmap::mpi: MPI was finalized: make this call before that");
    require(communicator != MPI_COMM_NULL,
            "parmap::mpi: the communicator is MPI_COMM_NULL: ranks that are in no communicator make no call");
    int is_intercommunicator = 0;
    MPI_Comm_test_inter(communicator, &is_intercommunicator);
    require(is_intercommunicator == 0,
            "parmap::mpi: this is an intercommunicator: merge it with MPI_Intercomm_merge first");
    const int level = ask(&MPI_Query_thread);
    require(level >= MPI_THREAD_FUNNELED, too_little_for_threads);
    require(
        level != MPI_THREAD_FUNNELED || ask(&MPI_Is_thread_main) != 0,
        "parmap::mpi: MPI was initialized with MPI_THREAD_FUNNELED, so only the thread that did may call: make this "
        "call there, and none from inside an item");
}

}  // namespace parmap::inline v0_2::mpi
