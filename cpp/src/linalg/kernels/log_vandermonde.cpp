#include "htmu/common/lockstep.hpp"
#include "pair_product.hpp"

namespace htmu::HTMU_TARGET {
namespace {

constexpr Index rows_a_block = chains * width;

/// Value i of each lane's vector.
struct LockstepValues {
    const double* x;
    HTMU_MEMBER Vec at(Index i) const { return load(x + i * lockstep_lanes); }
};
/// Value i of one vector, in every lane.
struct RepeatedValues {
    const double* x;
    HTMU_MEMBER Vec at(Index i) const { return splat(x[i]); }
};

/// The prepared rows against the values from `first` to n.
template <int n_rows, bool careful, class Values>
HTMU_INLINE void multiply_rectangle(PairProduct<careful>& product, const Vec (&rows)[n_rows],
                                    Values values, Index first, Index n) {
    for (Index j = first; j < n;) {
        if (product.n_factors == chunk) product.take_exponents();
        const Index stop = least(n, j + chunk - product.n_factors);
        product.n_factors += stop - j;
        for (; j < stop; ++j) {
            const Vec value = product.prepared(values.at(j));
            for (int k = 0; k < n_rows; ++k) product.multiply(k, rows[k], value);
        }
    }
}

/// Pairs of one of the n_rows values from `first` with any later one.
template <int n_rows, bool careful>
HTMU_INLINE void multiply_lockstep_rows(PairProduct<careful>& product, LockstepValues values,
                                        Index first, Index n) {
    Vec rows[n_rows];
    for (int k = 0; k < n_rows; ++k) rows[k] = product.prepared(values.at(first + k));
    // Every chain gets at most n_rows / 2 of the pairs among the rows.
    product.reserve(n_rows / 2);
    for (int i = 0; i < n_rows; ++i) {
        for (int j = i + 1; j < n_rows; ++j) {
            product.multiply((i + j) % n_rows, rows[i], rows[j]);
        }
    }
    multiply_rectangle(product, rows, values, first + n_rows, n);
}

/// Pairs of a value in [first, last) with any later one; last - first is a multiple of `chains`, or
/// last = n.
template <bool careful>
HTMU_INLINE WideProduct lockstep_strip(LockstepValues values, Vec scale, Index first, Index last,
                                       Index n, Vec& smallest) {
    PairProduct<careful> product(scale);
    Index i = first;
    for (; i + chains <= last; i += chains) multiply_lockstep_rows<chains>(product, values, i, n);
    if (i + 4 <= last) {
        multiply_lockstep_rows<4>(product, values, i, n);
        i += 4;
    }
    if (i + 2 <= last) multiply_lockstep_rows<2>(product, values, i, n);
    const WideProduct result = product.finish();
    smallest = product.smallest;
    return result;
}

__attribute__((noinline)) WideProduct careful_lockstep_strip(LockstepValues values, Index first,
                                                             Index last, Index n) {
    Vec unused;
    return lockstep_strip<true>(values, Vec{}, first, last, n, unused);
}

/// The vectors in the first `lanes` lanes from x, at most `width`.
HTMU_INLINE void lockstep_group(Index n, Index lanes, const double* x, double* result) {
    const LockstepValues values{x};
    Range range;
    for (Index i = 0; i < n; ++i) range.extend(values.at(i));
    const IntVec shift = range.shift();
    const Vec scale = power_of_two(shift);
    const IntVec in_use = lane_numbers() < lanes;  // the others may hold anything
    WideProduct total;
    for (Index first = 0; first < n;) {
        // Strips of a thousand pairs or more: what comes after one costs little beside it, and so
        // does a careful strip beside the rest.
        Index last = first;
        for (Index pairs = 0; pairs < 1000 && last < n; last += chains)
            pairs += chains * (n - last);
        last = least(last, n);
        Vec smallest;
        WideProduct strip = lockstep_strip<false>(values, scale, first, last, n, smallest);
        const IntVec lost = (smallest < trusted) & in_use;
        strip.exponent -= shift * pairs_from(first, last, n);
        if (any(lost)) {
            const WideProduct again = careful_lockstep_strip(values, first, last, n);
            strip.mantissa = lost ? again.mantissa : strip.mantissa;
            strip.exponent = lost ? again.exponent : strip.exponent;
            strip.zero = lost & again.zero;
        }
        total.multiply(strip);
        first = last;
    }
    const Vec logs = (total.zero ? splat(-infinity) : log_of(total)) + range.zero_or_nan;
    store_first(result, logs, lanes);
}

/// Pairs among n values, (n_chains - 1) width < n <= n_chains width: the differences with the value
/// r places further around the circle, r = 1, .., n / 2.
template <int n_chains, bool careful>
HTMU_INLINE void multiply_circle(PairProduct<careful>& product, const double* x, Index n) {
    constexpr Index last = n_chains - 1;
    // Twice the values, and zeros that fill the last vector.
    alignas(64) double circle[(2 * n_chains + 1) * width];
    Vec rows[n_chains];
    for (Index c = 0; c < last; ++c) rows[c] = product.prepared(load(x + c * width));
    rows[last] = product.prepared(load_first(x + last * width, n - last * width));
    for (Index c = 0; c < n_chains; ++c) store(circle + c * width, rows[c]);
    for (Index c = 0; c < n_chains; ++c) store(circle + n + c * width, rows[c]);

    // Lanes beyond the values get the factor 1 - 0.
    const IntVec present = lane_numbers() < n - last * width;
    const Vec last_row = present ? rows[last] : splat(1.0);
    const Index half = (n - 1) / 2;
    for (Index r = 1; r <= half;) {
        if (product.n_factors == chunk) product.take_exponents();
        const Index stop = least(half, r + chunk - product.n_factors - 1);
        product.n_factors += stop - r + 1;
        for (; r <= stop; ++r) {
            for (int c = 0; c < last; ++c) {
                product.multiply(c, rows[c], load(circle + c * width + r));
            }
            const Vec partner = load(circle + last * width + r);
            product.multiply(last, last_row, present ? partner : Vec{});
        }
    }
    if (n % 2 == 0) {
        product.reserve(1);
        for (int c = 0; c < n_chains; ++c) {
            const IntVec first_half = lane_numbers() < n / 2 - c * width;
            const Vec partner = load(circle + c * width + n / 2);
            product.multiply(c, first_half ? rows[c] : splat(1.0), first_half ? partner : Vec{});
        }
    }
}

/// Pairs among the n <= 8 width values.
template <bool careful>
HTMU_INLINE void multiply_any_circle(PairProduct<careful>& product, const double* x, Index n) {
    switch ((n + width - 1) / width) {
        case 1:
            return multiply_circle<1>(product, x, n);
        case 2:
            return multiply_circle<2>(product, x, n);
        case 3:
            return multiply_circle<3>(product, x, n);
        case 4:
            return multiply_circle<4>(product, x, n);
        case 5:
            return multiply_circle<5>(product, x, n);
        case 6:
            return multiply_circle<6>(product, x, n);
        case 7:
            return multiply_circle<7>(product, x, n);
        default:
            return multiply_circle<8>(product, x, n);
    }
}

/// Pairs of one of the `rows_a_block` values from `first`, or of those that are left, with any
/// later one.
template <bool careful>
HTMU_INLINE WideProduct block_of_rows(const double* x, Vec scale, Index first, Index n,
                                      Vec& smallest) {
    PairProduct<careful> product(scale);
    if (first + rows_a_block <= n) {
        multiply_circle<chains>(product, x + first, rows_a_block);
        Vec rows[chains];
        for (Index k = 0; k < chains; ++k) rows[k] = product.prepared(load(x + first + k * width));
        multiply_rectangle(product, rows, RepeatedValues{x}, first + rows_a_block, n);
    } else {
        multiply_any_circle(product, x + first, n - first);
    }
    const WideProduct result = product.finish();
    smallest = product.smallest;
    return result;
}

__attribute__((noinline)) WideProduct careful_block_of_rows(const double* x, Index first, Index n) {
    Vec unused;
    return block_of_rows<true>(x, Vec{}, first, n, unused);
}

}  // namespace

void lockstep_log_vandermonde(Index n, Index lanes, const double* x, double* result) {
    for (Index first = 0; first < lanes; first += width) {
        lockstep_group(n, lanes - first, x + first, result + first);
    }
}

void difference_product(Index n, const double* x, Index first, Index last, double* mantissa,
                        std::int64_t* exponent) {
    Range range;
    for (Index i = 0; i < n; i += width) range.extend(load_first(x + i, n - i));
    const Range all = range.of_all_lanes();
    const std::int64_t shift = all.shift()[0];
    const Vec scale = power_of_two(splat(shift));
    WideProduct total;
    std::int64_t all_exponents = 0;
    for (Index i = first; i < last; i += rows_a_block) {
        Vec smallest;
        WideProduct block = block_of_rows<false>(x, scale, i, n, smallest);
        if (any_less(smallest, splat(trusted))) {
            block = careful_block_of_rows(x, i, n);
        } else {
            all_exponents -= shift * pairs_from(i, least(i + rows_a_block, n), n);
        }
        total.multiply(block);
    }
    // Below 2^width.
    const double product =
        folded_lanes<double>(total.mantissa, [](double a, double b) { return a * b; });
    all_exponents += folded_lanes<std::int64_t>(
        total.exponent, [](std::int64_t a, std::int64_t b) { return a + b; });
    *mantissa = any(total.zero) ? 0.0 : product + all.zero_or_nan[0];
    *exponent = all_exponents;
}

}  // namespace htmu::HTMU_TARGET
