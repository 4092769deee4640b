#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "htmu/common/errors.hpp"
#include "htmu/special/htmp_table.hpp"
#include "instruction_sets.hpp"

using namespace htmu;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Row {
    double b, delta, x, logpdf, cdf, sf, by_b, by_delta, by_log_x;
};

// mpmath at 400 digits, from the formula of Theorem 4.1 and its central differences.
constexpr Row table[] = {
    {0.25, 0.375, 1e-300, 430.29140694278587332, 1.9913719153627825277e-113, 1.0,
     -0.62525523120030115912, -686.59024219374572815, -0.625},
    {0.25, 0.375, 0.5, -0.92898697157909379168, 0.53075570160640407333, 0.46924429839359592667,
     0.13112947522912415227, 0.9862728250777790215, -0.72305685108509205351},
    {0.25, 0.375, 40, -26.147931802492782357, 0.99999999999297981441, 7.0201855855671331152e-12,
     -30.533817539435451196, -33.927809640882205517, -25.111429186703810695},
    {2.75, 5.6875, 0.01, -10.236366597732222833, 6.4823522244318570552e-8, 0.99999993517647775568,
     1.5046409503263905504, -3.0216903580895485028, 4.5002467481001018503},
    {2.75, 5.6875, 1, -0.72468103303946009302, 0.57627154327273576745, 0.42372845672726423255,
     -0.10107615246248342409, 0.06564651140929871611, -0.77167769244839171607},
    {2.75, 5.6875, 6, -20.475480177300595529, 0.99999999980543880709, 1.9456119291290054875e-10,
     -0.47304108044115326339, -2.8146710146669091707, -39.197465498121465478},
    {0.0009765625, 0.7001953125, 1e-40, 27.103205617345080135, 8.424680556780147481e-29, 1.0,
     0.35751085770904827585, -90.237565225589351384, -0.2998046875},
    {0.0009765625, 0.7001953125, 0.8, -1.0035240198049669142, 0.59037023854325211125,
     0.40962976145674788875, -0.093615109802629209001, 0.83889772530873621961,
     -0.85964951026068198179},
    {0.0009765625, 0.7001953125, 25, -18.99626729580371717, 0.99999999210677763005,
     7.8932223699466669959e-9, -16.562907397593296005, -19.91802263856554155,
     -17.827061205207633962},
    {30, 1.375, 1e-06, 1.0720447729825161762, 2.1289517859254784267e-6, 0.99999787104821407452,
     0.05573153872048926331, -6.7105439057819412181, 0.37019693585593476032},
    {30, 1.375, 0.3, -0.55855719646399048008, 0.3386731575697255756, 0.6613268424302744244,
     -0.00073165638247975819564, 0.022294518999972097927, -0.5415456364188019182},
    {30, 1.375, 7, -51.458315669176571643, 1.0, 2.1315014630760507069e-24, -1.4485291151338252551,
     -3.0453450567541269876, -146.73871381538691865},
};

std::vector<double> values(const HtmpTable& law, HtmpQuantity quantity,
                           const std::vector<double>& x) {
    std::vector<double> result(x.size());
    law.evaluate(quantity, x, {}, result);
    return result;
}

double value(const HtmpTable& law, HtmpQuantity quantity, double x) {
    return values(law, quantity, {x})[0];
}

std::vector<double> quantiles(const HtmpTable& law, bool upper, const std::vector<double>& p) {
    std::vector<double> result(p.size());
    law.quantiles(upper, p, {}, result);
    return result;
}

void check_relative(double computed, double expected, double tolerance) {
    CAPTURE(computed);
    CAPTURE(expected);
    CHECK(std::fabs(computed - expected) <= tolerance * std::fabs(expected));
}

double uniform(std::mt19937_64& generator) {
    return 0x1p-53 * static_cast<double>(generator() >> 11);
}

/// Points of every size, in no order.
std::vector<double> scattered_points(const HtmpTable& law, std::mt19937_64& generator) {
    std::vector<double> p(301);
    for (double& one : p) one = std::pow(uniform(generator), 40.0);
    std::vector<double> x = quantiles(law, false, p);
    const std::vector<double> high = quantiles(law, true, p);
    x.insert(x.end(), high.begin(), high.end());
    x.insert(x.end(), {0.0, -1.0, 5e-324, 1e-310, 1e300, infinity});
    std::shuffle(x.begin(), x.end(), generator);
    return x;
}

}  // namespace

TEST_CASE("values and derivatives of the HTMP law") {
    for_each_instruction_set([] {
        for (const Row& row : table) {
            CAPTURE(row.b);
            CAPTURE(row.x);
            const HtmpTable law(row.b, row.delta, true);
            const double size = std::max(1.0, std::fabs(row.logpdf));
            CHECK(std::fabs(value(law, HtmpQuantity::logpdf, row.x) - row.logpdf) <= 3e-14 * size);
            check_relative(value(law, HtmpQuantity::pdf, row.x), std::exp(row.logpdf), 2e-13);
            check_relative(value(law, HtmpQuantity::cdf, row.x), row.cdf, 1e-13);
            check_relative(value(law, HtmpQuantity::sf, row.x), row.sf, 1e-13);
            const double log_cdf = row.sf < 0.5 ? std::log1p(-row.sf) : std::log(row.cdf);
            const double log_sf = row.cdf < 0.5 ? std::log1p(-row.cdf) : std::log(row.sf);
            check_relative(value(law, HtmpQuantity::logcdf, row.x), log_cdf, 1e-13);
            check_relative(value(law, HtmpQuantity::logsf, row.x), log_sf, 1e-13);
            std::vector<double> gradient(4);
            law.gradient(std::vector{row.x}, {}, gradient);
            const double expected[] = {row.logpdf, row.by_b, row.by_delta, row.by_log_x};
            for (std::size_t k = 0; k < 4; ++k) {
                CHECK(std::fabs(gradient[k] - expected[k]) <=
                      1e-11 * std::max(1.0, std::fabs(expected[k])));
            }
        }
    });
}

// Trapezoidal rule in log x, whose error is far below rounding for an analytic integrand. The mean
// is 1, the variance (b / (b + delta)) (1 + 1 / b), and the mean of the scores, the derivatives of
// log f by the parameters, is 0.
TEST_CASE("moments of the HTMP law") {
    const double parameters[][2] = {{0.005, 0.3}, {0.5, 0.0},  {1.0, 3.0},     {7.0, 7.0},
                                    {20.0, 0.5},  {40.0, 4e4}, {500.0, 812.0}, {5e4, 9e4}};
    for (const auto& [b, delta] : parameters) {
        CAPTURE(b);
        CAPTURE(delta);
        const HtmpTable law(b, delta, true);
        const double deviation = std::sqrt((1.0 + b) / (b + delta));
        const double step = std::min({0.02, 0.02 * deviation, 0.1 / std::cbrt(b * b)});
        const double lower = -40.0, upper = std::log1p(2e3 * deviation);
        std::vector<double> x;
        for (double s = lower; s < upper; s += step) x.push_back(std::exp(s));
        const std::vector<double> f = values(law, HtmpQuantity::pdf, x);
        std::vector<double> gradient(4 * x.size());
        law.gradient(x, {}, gradient);
        double mean = 0.0, square = 0.0;
        double score[2] = {}, information[2] = {};
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double weight = step * f[k] * x[k];
            mean += weight * x[k];
            square += weight * x[k] * x[k];
            for (std::size_t p = 0; p < 2; ++p) {
                const double by_parameter = gradient[(p + 1) * x.size() + k];
                score[p] += weight * by_parameter;
                information[p] += weight * by_parameter * by_parameter;
            }
        }
        check_relative(mean, 1.0, 1e-11);
        check_relative(square, 1.0 + deviation * deviation, 1e-11);
        // Where delta < 1 the lower end holds more than rounding errors.
        if (delta < 1.0) continue;
        for (std::size_t p = 0; p < 2; ++p) {
            CHECK(std::fabs(score[p]) < 1e-10 * std::sqrt(information[p]));
        }
    }
}

TEST_CASE("no law of the domain fails") {
    std::mt19937_64 generator(20260401);
    for (int trial = 0; trial < 400; ++trial) {
        const double b = 0.5 * std::pow(10.0, 9.0 * uniform(generator) - 4.0);
        double delta = b * std::expm1(14.0 * uniform(generator));
        if (trial % 10 == 0) delta = 0.0;
        if (trial % 3 == 1) delta = std::max(1.0, std::round(delta));
        if (trial % 6 == 1) delta *= 1.0 + (trial % 4 == 1 ? 1e-9 : -2.3e-16);
        CAPTURE(b);
        CAPTURE(delta);
        const HtmpTable law(b, delta, trial % 2 == 0);
        CHECK(std::fabs(law.mismatch()) <= 1e-12);
        CHECK(law.n_segments() < 250);
    }
    for (const double b : {HtmpTable::smallest_b, HtmpTable::largest_b}) {
        for (const double delta : {0.0, 1e-300, 1.0, HtmpTable::largest_delta}) {
            CHECK(std::fabs(HtmpTable(b, delta).mismatch()) < 2e-11);
        }
    }
}

TEST_CASE("quantiles of the HTMP law") {
    for_each_instruction_set([] {
        for (const Row& row : table) {
            const HtmpTable law(row.b, row.delta);
            std::mt19937_64 generator(3);
            std::vector<double> p(1001);
            for (double& one : p)
                one = 0.5 * std::pow(10.0, -280.0 * std::pow(uniform(generator), 3));
            for (const bool upper : {false, true}) {
                const std::vector<double> x = quantiles(law, upper, p);
                const auto back = values(law, upper ? HtmpQuantity::sf : HtmpQuantity::cdf, x);
                const std::vector<double> f = values(law, HtmpQuantity::pdf, x);
                for (std::size_t k = 0; k < p.size(); ++k) {
                    if (x[k] < 1e-300) continue;
                    CAPTURE(p[k]);
                    const double slope = x[k] * f[k] / p[k];
                    check_relative(back[k], p[k], 1e-13 + 8.9e-16 * slope);
                }
            }
        }
        const HtmpTable law(0.25, 0.0);
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const std::vector<double> ends = {0.0, 1.0, -0.1, 1.1, nan, 1e-320};
        const std::vector<double> lower = quantiles(law, false, ends);
        const std::vector<double> upper = quantiles(law, true, ends);
        CHECK(lower[0] == 0.0);
        CHECK(lower[1] == infinity);
        CHECK(upper[0] == infinity);
        CHECK(upper[1] == 0.0);
        for (const std::size_t k : {2u, 3u, 4u}) {
            CHECK(std::isnan(lower[k]));
            CHECK(std::isnan(upper[k]));
        }
        CHECK(lower[5] == 0.0);
        CHECK(std::isfinite(upper[5]));
    });
}

TEST_CASE("limits of the HTMP law") {
    for_each_instruction_set([] {
        const auto density = [](double delta, double x) {
            return value(HtmpTable(1.5, delta), HtmpQuantity::pdf, x);
        };
        CHECK(density(0.5, 0.0) == infinity);
        CHECK(density(1.0, 0.0) > 0.0);
        CHECK(density(1.0, 0.0) == doctest::Approx(density(1.0, 1e-30)).epsilon(1e-14));
        CHECK(density(1.5, 0.0) == 0.0);
        CHECK(density(0.5, infinity) == 0.0);
        CHECK(density(0.5, -1.0) == 0.0);
        const HtmpTable law(1.5, 0.5);
        const std::vector<double> x = {
            -infinity, -1.0, -0.0, 0.0, infinity, std::numeric_limits<double>::quiet_NaN()};
        const std::vector<double> cdf = values(law, HtmpQuantity::cdf, x);
        const std::vector<double> sf = values(law, HtmpQuantity::sf, x);
        const std::vector<double> log_cdf = values(law, HtmpQuantity::logcdf, x);
        const std::vector<double> log_sf = values(law, HtmpQuantity::logsf, x);
        for (std::size_t k = 0; k < 4; ++k) {
            CHECK(cdf[k] == 0.0);
            CHECK(sf[k] == 1.0);
            CHECK(log_cdf[k] == -infinity);
            CHECK(log_sf[k] == 0.0);
        }
        CHECK(cdf[4] == 1.0);
        CHECK(sf[4] == 0.0);
        CHECK(log_cdf[4] == 0.0);
        CHECK(log_sf[4] == -infinity);
        for (const auto& list : {cdf, sf, log_cdf, log_sf}) CHECK(std::isnan(list[5]));
        // In the tail beyond the table, log S = log f - log(b + delta) + O(1 / x).
        const double far = 1e12;
        check_relative(value(law, HtmpQuantity::logsf, far),
                       value(law, HtmpQuantity::logpdf, far) - std::log(2.0), 1e-13);
    });
}

TEST_CASE("a value depends on its point alone") {
    for_each_instruction_set([] {
        std::mt19937_64 generator(5);
        const HtmpTable law(2.75, 0.6, true);
        const std::vector<double> x = scattered_points(law, generator);
        std::vector<std::size_t> order(x.size());
        for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
        std::sort(order.begin(), order.end(),
                  [&](std::size_t i, std::size_t j) { return x[i] < x[j]; });
        std::vector<double> sorted;
        for (const std::size_t k : order) sorted.push_back(x[k]);
        for (const HtmpQuantity quantity :
             {HtmpQuantity::logpdf, HtmpQuantity::pdf, HtmpQuantity::logcdf, HtmpQuantity::cdf,
              HtmpQuantity::logsf, HtmpQuantity::sf}) {
            const std::vector<double> together = values(law, quantity, x);
            const std::vector<double> in_order = values(law, quantity, sorted);
            for (std::size_t k = 0; k < x.size(); ++k) {
                CHECK(together[order[k]] == in_order[k]);
                if (k % 7 == 0) CHECK(together[k] == value(law, quantity, x[k]));
            }
        }
        const std::vector<double> p = values(law, HtmpQuantity::cdf, x);
        const std::vector<double> q = quantiles(law, false, p);
        for (std::size_t k = 0; k < p.size(); k += 7)
            CHECK(q[k] == quantiles(law, false, {p[k]})[0]);
    });
}

TEST_CASE("bad parameters of the HTMP law are refused") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double b : {0.0, -1.0, 1e-7, 1e9, nan, infinity}) {
        CHECK_THROWS_AS(HtmpTable(b, 1.0), InvalidInput);
    }
    for (const double delta : {-1e-9, 1e16, nan, infinity}) {
        CHECK_THROWS_AS(HtmpTable(1.0, delta), InvalidInput);
    }
    std::vector<double> gradient(4);
    CHECK_THROWS_AS(HtmpTable(1.0, 1.0).gradient(std::vector{1.0}, {}, gradient), InvalidInput);
}
