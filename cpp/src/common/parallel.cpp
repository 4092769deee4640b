#include "htmu/common/parallel.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "htmu/common/errors.hpp"

namespace htmu {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto poll_interval = std::chrono::milliseconds(50);

/// Shared state of one parallel_for: the next item, the first failure, the stop flag.
class Team {
   public:
    Team(Index n_items, const RunControl& control, const std::function<void(Index, int)>& body)
        : n_items_(n_items), control_(control), body_(body) {}

    /// Takes items until none is left; poll is asked between items (calling thread only).
    void work(int worker, const std::function<void()>& poll) {
        while (true) {
            if (control_.cancel != nullptr && control_.cancel->cancelled()) cancel();
            poll();
            if (stop_.load(std::memory_order_relaxed)) return;
            const Index item = next_.fetch_add(1, std::memory_order_relaxed);
            if (item >= n_items_) return;
            try {
                body_(item, worker);
            } catch (...) {
                fail(item, std::current_exception());
            }
        }
    }

    void cancel() noexcept {
        cancelled_.store(true, std::memory_order_relaxed);
        stop_.store(true, std::memory_order_relaxed);
    }

    void worker_done() {
        const std::lock_guard lock(mutex_);
        ++n_done_;
        done_.notify_one();
    }

    /// Waits until n_workers have called worker_done, polling meanwhile.
    void wait_for(int n_workers, const std::function<void()>& poll) {
        std::unique_lock lock(mutex_);
        while (!done_.wait_for(lock, poll_interval, [&] { return n_done_ == n_workers; })) {
            lock.unlock();
            poll();
            lock.lock();
        }
    }

    void rethrow() const {
        if (failure_) std::rethrow_exception(failure_);
        if (cancelled_.load(std::memory_order_relaxed)) throw Cancelled();
    }

   private:
    void fail(Index item, std::exception_ptr exception) {
        stop_.store(true, std::memory_order_relaxed);
        const std::lock_guard lock(mutex_);
        if (item < failed_item_) {
            failed_item_ = item;
            failure_ = std::move(exception);
        }
    }

    Index n_items_;
    const RunControl& control_;
    const std::function<void(Index, int)>& body_;
    std::atomic<Index> next_{0};
    std::atomic<bool> stop_{false};
    std::atomic<bool> cancelled_{false};
    std::mutex mutex_;
    std::condition_variable done_;
    int n_done_ = 0;
    Index failed_item_ = std::numeric_limits<Index>::max();
    std::exception_ptr failure_;
};

}  // namespace

bool RunControl::stop_wanted() const {
    if (cancel != nullptr && cancel->cancelled()) return true;
    if (!interrupted) return false;
    const auto now = Clock::now();
    if (now - last_poll < poll_interval) return false;
    last_poll = now;
    return interrupted();
}

WorkerControls::WorkerControls(const RunControl& control)
    : team_(control), inner_(thread_slots(control)) {
    if (control.interrupted) {
        team_.interrupted = [this, ask = control.interrupted] {
            if (!stopped_.cancelled() && ask()) stopped_.cancel();
            return stopped_.cancelled();
        };
    }
    for (RunControl& inner : inner_) {
        inner.cancel = control.cancel;
        inner.interrupted = [this] { return stopped_.cancelled(); };
    }
    // The first worker is the calling thread.
    inner_.front().interrupted = team_.interrupted;
}

int worker_count(Index n_items, const RunControl& control) {
    const Index wanted = std::clamp(control.n_threads, 1, max_threads);
    return static_cast<int>(std::max<Index>(1, std::min(wanted, n_items)));
}

std::size_t thread_slots(const RunControl& control) {
    return static_cast<std::size_t>(worker_count(max_threads, control));
}

void for_each_row(Index n_rows, double nanoseconds, const RunControl& control,
                  const std::function<void(Index, std::size_t)>& body) {
    const auto per_item = static_cast<Index>(std::clamp(1e5 / nanoseconds, 1.0, 4096.0));
    parallel_for((n_rows + per_item - 1) / per_item, control, [&](Index item, int worker) {
        const Index last = std::min(n_rows, (item + 1) * per_item);
        for (Index row = item * per_item; row < last; ++row) {
            body(row, static_cast<std::size_t>(worker));
        }
    });
}

void parallel_for(Index n_items, const RunControl& control,
                  const std::function<void(Index, int)>& body) {
    Team team(n_items, control, body);
    const auto poll = [&] {
        if (control.stop_wanted()) team.cancel();
    };

    const int n_workers = worker_count(n_items, control);
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(n_workers - 1));
    try {
        for (int worker = 1; worker < n_workers; ++worker) {
            threads.emplace_back([&team, worker] {
                team.work(worker, [] {});
                team.worker_done();
            });
        }
    } catch (const std::system_error&) {
        // The system has no more threads to give: go on with those that started.
    }
    team.work(0, poll);
    team.wait_for(static_cast<int>(threads.size()), poll);
    for (std::thread& thread : threads) thread.join();
    team.rethrow();
}

}  // namespace htmu
