#pragma once

// Plain long double stand-ins for the LAPACK routines that the core calls, so that the C++ tests
// need no LAPACK. They are independent of the core and of each other's drivers.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "htmu/linalg/lapack.hpp"

namespace reference_lapack {

/// Eigenvalues, ascending, of a symmetric tridiagonal matrix, by implicit QL with shifts.
inline std::vector<long double> tridiagonal_eigenvalues(std::vector<long double> d,
                                                        std::vector<long double> e) {
    const int n = static_cast<int>(d.size());
    e.resize(static_cast<std::size_t>(n), 0.0L);
    for (int low = 0; low < n; ++low) {
        for (int iteration = 0; iteration < 200; ++iteration) {
            int m = low;
            for (; m < n - 1; ++m) {
                const long double scale = std::fabs(d[m]) + std::fabs(d[m + 1]);
                if (std::fabs(e[m]) <= std::numeric_limits<long double>::epsilon() * scale) break;
            }
            if (m == low) break;
            long double g = (d[low + 1] - d[low]) / (2.0L * e[low]);
            long double r = std::hypot(g, 1.0L);
            g = d[m] - d[low] + e[low] / (g + std::copysign(r, g));
            long double s = 1.0L, c = 1.0L, p = 0.0L;
            int i = m - 1;
            for (; i >= low; --i) {
                long double f = s * e[i];
                const long double b = c * e[i];
                r = std::hypot(f, g);
                e[i + 1] = r;
                if (r == 0.0L) {
                    d[i + 1] -= p;
                    e[m] = 0.0L;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2.0L * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if (r == 0.0L && i >= low) continue;
            d[low] -= p;
            e[low] = g;
            e[m] = 0.0L;
        }
    }
    std::sort(d.begin(), d.end());
    return d;
}

inline void sterf(htmu::LapackInt* n, double* d, double* e, htmu::LapackInt* info) {
    const auto found = tridiagonal_eigenvalues({d, d + *n}, {e, e + std::max(0, *n - 1)});
    std::copy(found.begin(), found.end(), d);
    *info = 0;
}

/// Singular values as the positive eigenvalues of the Golub-Kahan matrix.
inline void lasq1(htmu::LapackInt* n, double* d, double* e, double*, htmu::LapackInt* info) {
    std::vector<long double> off;
    for (int i = 0; i < *n; ++i) {
        off.push_back(d[i]);
        if (i + 1 < *n) off.push_back(e[i]);
    }
    auto found = tridiagonal_eigenvalues(std::vector<long double>(2 * off.size() / 2 + 1), off);
    std::sort(found.begin(), found.end(), std::greater<>());
    for (int i = 0; i < *n; ++i) d[i] = static_cast<double>(std::fabs(found[i]));
    *info = 0;
}

inline void stebz(char* range, char*, htmu::LapackInt* n, double* vl, double* vu,
                  htmu::LapackInt* il, htmu::LapackInt* iu, double*, double* d, double* e,
                  htmu::LapackInt* m, htmu::LapackInt* nsplit, double* w, htmu::LapackInt*,
                  htmu::LapackInt*, double*, htmu::LapackInt*, htmu::LapackInt* info) {
    const auto found = tridiagonal_eigenvalues({d, d + *n}, {e, e + std::max(0, *n - 1)});
    *m = 0;
    for (int i = 0; i < *n; ++i) {
        const bool wanted = *range == 'A' || (*range == 'I' && i + 1 >= *il && i + 1 <= *iu) ||
                            (*range == 'V' && found[i] > *vl && found[i] <= *vu);
        if (wanted) w[(*m)++] = static_cast<double>(found[i]);
    }
    *nsplit = 1;
    *info = 0;
}

inline void stemr(char*, char*, htmu::LapackInt* n, double* d, double* e, double*, double*,
                  htmu::LapackInt*, htmu::LapackInt*, htmu::LapackInt* m, double* w, double*,
                  htmu::LapackInt*, htmu::LapackInt*, htmu::LapackInt*, htmu::LapackInt*, double*,
                  htmu::LapackInt*, htmu::LapackInt*, htmu::LapackInt*, htmu::LapackInt* info) {
    const auto found = tridiagonal_eigenvalues({d, d + *n}, {e, e + std::max(0, *n - 1)});
    std::copy(found.begin(), found.end(), w);
    *m = *n;
    *info = 0;
}

}  // namespace reference_lapack

inline void install_reference_lapack() {
    htmu::install_lapack({reference_lapack::sterf, reference_lapack::stebz, reference_lapack::stemr,
                          reference_lapack::lasq1});
}
