from htmu.symbolic.expression import Expression
