#pragma once

namespace htmu {

/// Integer of the LAPACK library in use (LP64).
using LapackInt = int;

/// The LAPACK routines that the core calls, by Fortran calling convention. The core links no
/// LAPACK: whoever loads it installs the pointers once (the Python extension takes SciPy's).
struct LapackFunctions {
    void (*sterf)(LapackInt* n, double* d, double* e, LapackInt* info) = nullptr;
    void (*stebz)(char* range, char* order, LapackInt* n, double* vl, double* vu, LapackInt* il,
                  LapackInt* iu, double* abstol, double* d, double* e, LapackInt* m,
                  LapackInt* nsplit, double* w, LapackInt* iblock, LapackInt* isplit, double* work,
                  LapackInt* iwork, LapackInt* info) = nullptr;
    void (*stemr)(char* jobz, char* range, LapackInt* n, double* d, double* e, double* vl,
                  double* vu, LapackInt* il, LapackInt* iu, LapackInt* m, double* w, double* z,
                  LapackInt* ldz, LapackInt* nzc, LapackInt* isuppz, LapackInt* tryrac,
                  double* work, LapackInt* lwork, LapackInt* iwork, LapackInt* liwork,
                  LapackInt* info) = nullptr;
    void (*lasq1)(LapackInt* n, double* d, double* e, double* work, LapackInt* info) = nullptr;
};

/// Sets the routines that every later call uses. Not to be called while others compute.
void install_lapack(const LapackFunctions& functions) noexcept;

/// The installed routines. Throws Error when a routine is missing.
[[nodiscard]] const LapackFunctions& lapack();

}  // namespace htmu
