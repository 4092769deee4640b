#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/common/parallel.hpp"

using namespace htmu;

TEST_CASE("every item runs once, on a worker in range") {
    for (const int n_threads : {1, 2, 3, 8}) {
        for (const Index n_items : {0, 1, 2, 7, 1000}) {
            RunControl control;
            control.n_threads = n_threads;
            std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n_items));
            std::atomic<bool> in_range{true};
            parallel_for(n_items, control, [&](Index item, int worker) {
                ++visits[static_cast<std::size_t>(item)];
                if (worker < 0 || worker >= worker_count(n_items, control)) in_range = false;
            });
            CHECK(in_range);
            for (const auto& count : visits) CHECK(count == 1);
        }
    }
}

TEST_CASE("the exception of the lowest failing item is carried out") {
    for (const int n_threads : {1, 4}) {
        RunControl control;
        control.n_threads = n_threads;
        for (int repeat = 0; repeat < 20; ++repeat) {
            std::string message;
            try {
                parallel_for(500, control, [](Index item, int) {
                    if (item >= 37) throw InvalidInput("item " + std::to_string(item));
                });
            } catch (const InvalidInput& exception) {
                message = exception.what();
            }
            CHECK(message == "item 37");
        }
    }
}

TEST_CASE("an interrupt stops the work within a tenth of a second or so") {
    for (const int n_threads : {1, 3}) {
        RunControl control;
        control.n_threads = n_threads;
        control.interrupted = [] { return true; };
        const auto start = std::chrono::steady_clock::now();
        CHECK_THROWS_AS(parallel_for(1'000'000, control,
                                     [](Index, int) {
                                         std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                     }),
                        Cancelled);
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    }
}

TEST_CASE("many short calls are interrupted as one long call is") {
    RunControl control;
    control.interrupted = [] { return true; };
    bool stopped = false;
    for (int call = 0; call < 100'000 && !stopped; ++call) {
        try {
            parallel_for(1, control, [](Index, int) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            });
        } catch (const Cancelled&) {
            stopped = true;
            CHECK(call < 5'000);
        }
    }
    CHECK(stopped);
}

TEST_CASE("an item stops half-way under its worker's control") {
    for (const int n_threads : {1, 3}) {
        RunControl control;
        control.n_threads = n_threads;
        std::atomic<int> started{0}, stopped{0};
        control.interrupted = [&] { return started == n_threads; };
        const WorkerControls controls(control);
        CHECK_THROWS_AS(
            parallel_for(n_threads, controls.team(),
                         [&](Index, int worker) {
                             const RunControl& inner = controls[static_cast<std::size_t>(worker)];
                             ++started;
                             try {
                                 parallel_for(1'000'000, inner, [](Index, int) {
                                     std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                 });
                             } catch (const Cancelled&) {
                                 ++stopped;
                                 throw;
                             }
                         }),
            Cancelled);
        CHECK(stopped == n_threads);
    }
}

TEST_CASE("a cancel token set by another thread stops the work") {
    CancelToken token;
    RunControl control;
    control.n_threads = 2;
    control.cancel = &token;
    std::thread canceller([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        token.cancel();
    });
    CHECK_THROWS_AS(
        parallel_for(1'000'000, control,
                     [](Index, int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }),
        Cancelled);
    canceller.join();
    CHECK(token.cancelled());
}

TEST_CASE("worker_count is at least 1 and at most the number of items") {
    RunControl control;
    control.n_threads = 4;
    CHECK(worker_count(0, control) == 1);
    CHECK(worker_count(3, control) == 3);
    CHECK(worker_count(100, control) == 4);
    control.n_threads = 0;
    CHECK(worker_count(100, control) == 1);
    control.n_threads = 1'000'000;
    CHECK(worker_count(5'000'000, control) == max_threads);
}
