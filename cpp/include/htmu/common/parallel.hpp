#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include "htmu/common/types.hpp"

namespace htmu {

/// A flag that any thread may set to stop work in progress.
class CancelToken {
   public:
    void cancel() noexcept { flag_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool cancelled() const noexcept { return flag_.load(std::memory_order_relaxed); }

   private:
    std::atomic<bool> flag_{false};
};

/// How a long computation runs and how it is stopped.
struct RunControl {
    int n_threads = 1;
    /// Asked on the calling thread only, at most every 50 ms; true stops the work.
    std::function<bool()> interrupted;
    /// Asked on every thread before each item; may be null.
    const CancelToken* cancel = nullptr;
    /// When `interrupted` was last asked: kept here, so that many short calls ask too.
    mutable std::chrono::steady_clock::time_point last_poll = std::chrono::steady_clock::now();

    /// Whether to stop: for the calling thread, as often as it likes.
    [[nodiscard]] bool stop_wanted() const;
};

/// Largest number of threads that a call may ask for.
inline constexpr int max_threads = 1024;

/// Calls body(item, worker) once for every item in [0, n_items), on control.n_threads threads, of
/// which the calling one is a member; worker is in [0, n_threads). Items are handed out in
/// ascending order, one at a time, so an item should take 10 us to 100 ms.
///
/// If bodies throw, no further item starts and the exception of the lowest failing item is
/// rethrown. Throws Cancelled when control asks to stop. Returns or throws only after every
/// worker has stopped.
void parallel_for(Index n_items, const RunControl& control,
                  const std::function<void(Index item, int worker)>& body);

/// parallel_for over many cheap rows, each of about `nanoseconds`: they are handed out in groups of
/// about 100 us. worker is in [0, thread_slots(control)).
void for_each_row(Index n_rows, double nanoseconds, const RunControl& control,
                  const std::function<void(Index row, std::size_t worker)>& body);

/// Number of per-thread workspaces that for_each_row may index.
[[nodiscard]] std::size_t thread_slots(const RunControl& control);

/// Controls for work inside the items of one parallel_for, which may take longer than an item
/// should: an item that runs under its worker's control stops half-way, by throwing Cancelled, when
/// the whole is asked to stop. Must outlive the call; serves one call after another.
class WorkerControls {
   public:
    explicit WorkerControls(const RunControl& control);
    WorkerControls(const WorkerControls&) = delete;
    WorkerControls& operator=(const WorkerControls&) = delete;

    /// What to give to parallel_for or for_each_row.
    [[nodiscard]] const RunControl& team() const noexcept { return team_; }
    /// What to give to the work inside an item on that worker: one thread.
    [[nodiscard]] const RunControl& operator[](std::size_t worker) const { return inner_[worker]; }

   private:
    CancelToken stopped_;
    RunControl team_;
    std::vector<RunControl> inner_;
};

/// Threads that parallel_for will use for n_items items: at least 1, at most n_items.
[[nodiscard]] int worker_count(Index n_items, const RunControl& control);

}  // namespace htmu
