#pragma once

#include <cstdint>
#include <limits>

#include "htmu/common/lockstep.hpp"
#include "htmu/common/types.hpp"
#include "htmu/random/matrix_numbers.hpp"
#include "htmu/random/stream.hpp"

namespace htmu {

/// A random tridiagonal or bidiagonal matrix whose spectrum is that of a beta-ensemble.
class MatrixModel {
   public:
    /// How the eigenvalues follow from the entries.
    enum class Form {
        tridiagonal,  ///< those of the symmetric matrix with these diagonals
        bidiagonal,   ///< those of B B^T, B with these diagonals
    };
    /// What is asked for of the entries.
    enum class Entries {
        plain,
        squares,  ///< bidiagonal: of all entries; tridiagonal: of the off-diagonal only
    };

    virtual ~MatrixModel() = default;

    [[nodiscard]] virtual Index n() const noexcept = 0;
    [[nodiscard]] virtual Form form() const noexcept = 0;

    /// Upper end of the eigenvalues' support, beyond which rounding must not carry them.
    [[nodiscard]] virtual double support_end() const noexcept {
        return std::numeric_limits<double>::infinity();
    }

    /// The entries of matrix number `matrix`: diagonal (n) and off-diagonal (n - 1). A function of
    /// (key, matrix) alone.
    virtual void sample(StreamKey key, std::uint64_t matrix, Span diagonal,
                        Span off_diagonal) const = 0;

    /// The same for at most lockstep_lanes matrices side by side (see common/lockstep.hpp).
    virtual void sample_lockstep(Entries entries, StreamKey key, MatrixNumbers numbers,
                                 double* diagonal, double* off_diagonal) const;

   protected:
    MatrixModel() = default;
    MatrixModel(const MatrixModel&) = default;
    MatrixModel(MatrixModel&&) = default;
    MatrixModel& operator=(const MatrixModel&) = default;
    MatrixModel& operator=(MatrixModel&&) = default;
};

}  // namespace htmu
