#pragma once

#include <stdexcept>
#include <string>

namespace htmu {

/// Base of every exception that the core throws on purpose.
class Error : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// An argument lies outside its domain.
class InvalidInput : public Error {
   public:
    using Error::Error;
};

/// An input value is NaN or infinite.
class NonFinite : public InvalidInput {
   public:
    using InvalidInput::InvalidInput;
};

/// A spectrum repeats an eigenvalue, so that its log-Vandermonde is -infinity.
class RepeatedEigenvalue : public InvalidInput {
   public:
    using InvalidInput::InvalidInput;
};

/// An iteration did not converge.
class ConvergenceFailure : public Error {
   public:
    using Error::Error;
};

/// The work was stopped from outside: an interrupt or a cancel token.
class Cancelled : public Error {
   public:
    Cancelled() : Error("the computation was cancelled") {}
};

}  // namespace htmu
