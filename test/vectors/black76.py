# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes black76.json: `python3 test/vectors/black76.py > test/vectors/black76.json` (mpmath 1.3).

Independent of the closed formula and of the normal distribution: each value is the discounted expectation of the payoff,
integrated over the lognormal density at 40 digits; vega and gamma are the same integrals of the payoff times the
density's own derivatives. Deterministic: the cases are drawn from a seeded generator.
"""
import json
import random
from mpmath import mp, mpf, exp, log, sqrt, pi, quad

mp.dps = 40
draw = random.Random(1976)


def integrals(forward, strike, years, volatility, rate, right):
    f, k, t, s, r = (mpf(x) for x in (forward, strike, years, volatility, rate))
    deviation = s * sqrt(t)
    kink = (log(k / f) + deviation**2 / 2) / deviation
    low, high = (kink, max(kink, mpf(0)) + 16) if right == "call" else (min(kink, mpf(0)) - 16, kink)
    sign = 1 if right == "call" else -1

    def payoff(z):
        return sign * (f * exp(deviation * z - deviation**2 / 2) - k)

    def density(z):
        return exp(-z * z / 2) / sqrt(2 * pi)

    points = [low + (high - low) * i / 16 for i in range(17)]
    value = quad(lambda z: payoff(z) * density(z), points)
    # By the likelihood ratio: the payoff in terms of the final price stays, the density carries the parameter.
    gamma = quad(lambda z: payoff(z) * density(z) * (z * z - deviation * z - 1) / (f * f * deviation**2), points)
    vega = quad(lambda z: payoff(z) * density(z) * ((z * z - 1) / s - z * sqrt(t)), points)
    factor = exp(-r * t)
    return [factor * x for x in (value, gamma, vega)]


cases = []
for _ in range(240):
    forward = f"{10 ** draw.uniform(0, 5):.4f}"
    years = f"{10 ** draw.uniform(-2.5, 0.5):.6f}"
    volatility = f"{draw.uniform(0.05, 1.8):.4f}"
    moneyness = draw.uniform(-4, 4) * float(volatility) * float(years) ** 0.5
    strike = f"{float(forward) * 2.718281828 ** moneyness:.4f}"
    rate = f"{draw.uniform(-0.05, 0.2):.4f}"
    right = draw.choice(["call", "put"])
    terms = [forward, strike, years, volatility, rate, right]
    cases.append(terms + [mp.nstr(x, 20) for x in integrals(*terms)])
print(json.dumps({"columns": "forward strike years volatility rate right value gamma vega".split(), "cases": cases}, indent=None).replace("], [", "],\n["))
