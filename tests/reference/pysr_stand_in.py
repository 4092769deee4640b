"""A regressor with PySR's signature (2.7), that answers without Julia.

The parameters are those of ``pysr.PySRRegressor.__init__``; a test compares them with the installed
package's where there is one.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd

#: Keyword arguments of the regressor, with PySR's defaults.
SIGNATURE: dict[str, Any] = {
    "binary_operators": None,
    "unary_operators": None,
    "operators": None,
    "expression_spec": None,
    "type_spec": None,
    "niterations": 100,
    "populations": 31,
    "population_size": 27,
    "max_evals": None,
    "maxsize": 30,
    "maxdepth": None,
    "warmup_maxsize_by": None,
    "timeout_in_seconds": None,
    "constraints": None,
    "nested_constraints": None,
    "elementwise_loss": None,
    "loss_function": None,
    "loss_function_expression": None,
    "loss_scale": "log",
    "complexity_of_operators": None,
    "complexity_of_constants": None,
    "complexity_of_variables": None,
    "complexity_mapping": None,
    "parsimony": 0.0,
    "dimensional_constraint_penalty": None,
    "dimensionless_constants_only": False,
    "use_frequency": True,
    "use_frequency_in_tournament": True,
    "adaptive_parsimony_scaling": 1040.0,
    "alpha": 3.17,
    "annealing": True,
    "early_stop_condition": None,
    "ncycles_per_iteration": 380,
    "fraction_replaced": 0.00036,
    "fraction_replaced_hof": 0.0614,
    "fraction_replaced_guesses": 0.001,
    "weight_add_node": None,
    "weight_insert_node": None,
    "weight_delete_node": None,
    "weight_do_nothing": None,
    "weight_mutate_constant": None,
    "weight_mutate_operator": None,
    "weight_mutate_feature": None,
    "weight_swap_operands": None,
    "weight_rotate_tree": None,
    "weight_randomize": None,
    "weight_simplify": None,
    "weight_optimize": None,
    "weight_backsolve": None,
    "mutations": None,
    "default_mutations": None,
    "crossover_probability": 0.2,
    "skip_mutation_failures": True,
    "migration": True,
    "hof_migration": True,
    "topn": 12,
    "should_simplify": True,
    "should_optimize_constants": True,
    "optimizer_algorithm": "BFGS",
    "optimizer_nrestarts": 2,
    "optimizer_f_calls_limit": None,
    "optimize_probability": 0.14,
    "optimizer_iterations": 8,
    "perturbation_factor": 0.129,
    "probability_negate_constant": 0.00743,
    "tournament_selection_n": 15,
    "tournament_selection_p": 0.982,
    "parallelism": None,
    "procs": None,
    "cluster_manager": None,
    "heap_size_hint_in_bytes": None,
    "worker_timeout": None,
    "worker_imports": None,
    "batching": "auto",
    "batch_size": None,
    "fast_cycle": False,
    "turbo": False,
    "bumper": False,
    "precision": 32,
    "autodiff_backend": None,
    "random_state": None,
    "deterministic": False,
    "warm_start": False,
    "guesses": None,
    "verbosity": 1,
    "update_verbosity": None,
    "print_precision": 5,
    "progress": True,
    "logger_spec": None,
    "plugins": None,
    "default_plugins": None,
    "input_stream": None,
    "use_tracing": False,
    "tracing_file": "pysr_trace.jsonl",
    "run_id": None,
    "output_directory": None,
    "temp_equation_file": False,
    "tempdir": None,
    "delete_tempfiles": True,
    "update": False,
    "output_jax_format": False,
    "output_torch_format": False,
    "extra_sympy_mappings": None,
    "extra_torch_mappings": None,
    "extra_jax_mappings": None,
    "denoise": False,
    "select_k_features": None,
}

#: Arguments of ``fit``.
FIT = (
    "X",
    "y",
    "Xresampled",
    "weights",
    "variable_names",
    "complexity_of_variables",
    "X_units",
    "y_units",
)


class StandIn:
    """Takes what PySR takes, and gives the formulas of `answers`."""

    answers: tuple[str, ...] = ("x1", "x1 + -0.9", "(x1 * 0.999) + -0.89", "exp(log(x1)) - 0.94")
    made: ClassVar[list[StandIn]] = []

    def __init__(self, model_selection: str = "best", **given: Any) -> None:
        unknown = set(given) - set(SIGNATURE)
        if unknown:
            raise TypeError(f"unexpected keyword arguments {sorted(unknown)}")
        if {**SIGNATURE, **given}["maxsize"] < 7:
            raise ValueError("PySR requires a maxsize of at least 7")
        self.given = given
        self.made.append(self)

    def fit(self, X: Any, y: Any, *, weights: Any = None) -> StandIn:
        assert X.shape == (len(y), 3)
        assert weights.shape == y.shape
        self.weights = weights
        self.equations_ = pd.DataFrame({"equation": list(self.answers)})
        return self
