# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes link.json: a link under a key whose secrets are known, from the definitions, sharing nothing with the product.

Every point is a multiple of the generator by a number that is known here, so each is one multiplication:
IC_i = a_i·G, [τ^i] = τ^i·G, L_i = (k1·a_i + k2·τ^i)·G.
"""
import json, hashlib

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
R = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def keccak256(data: bytes) -> bytes:
    lanes, rate = [[0] * 5 for _ in range(5)], 136
    data = data + b"\x01" + b"\x00" * (-(len(data) + 1) % rate)
    data = data[:-1] + bytes([data[-1] | 0x80])
    turn = lambda v, n: ((v << n) | (v >> (64 - n))) & (2**64 - 1) if n else v
    for block in range(0, len(data), rate):
        for i in range(rate // 8):
            lanes[i % 5][i // 5] ^= int.from_bytes(data[block + 8 * i : block + 8 * i + 8], "little")
        register = 1
        for _ in range(24):
            c = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
            d = [c[(x + 4) % 5] ^ turn(c[(x + 1) % 5], 1) for x in range(5)]
            lanes = [[lanes[x][y] ^ d[x] for y in range(5)] for x in range(5)]
            x, y, current = 1, 0, lanes[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, lanes[x][y] = lanes[x][y], turn(current, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5] & (2**64 - 1))
            for j in range(7):
                if register & 1:
                    lanes[0][0] ^= 1 << (2**j - 1)
                register = (register << 1) ^ (0x171 if register >> 7 else 0)
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


class Fp2:
    def __init__(self, a, b=0):
        self.a, self.b = a % Q, b % Q

    __add__ = lambda s, o: Fp2(s.a + o.a, s.b + o.b)
    __sub__ = lambda s, o: Fp2(s.a - o.a, s.b - o.b)
    __mul__ = lambda s, o: Fp2(s.a * o.a - s.b * o.b, s.a * o.b + s.b * o.a)
    __eq__ = lambda s, o: (s.a, s.b) == (o.a, o.b)

    def inverse(self):
        n = pow(self.a * self.a + self.b * self.b, -1, Q)
        return Fp2(self.a * n, -self.b * n)


def add(p, q):
    if p is None or q is None:
        return p or q
    (x, y), (u, v) = p, q
    if x == u and not y == v:
        return None
    slope = Fp2(3) * x * x * (y + y).inverse() if x == u else (v - y) * (u - x).inverse()
    w = slope * slope - x - u
    return w, slope * (x - w) - y


def times(point, scalar):
    result = None
    for bit in bin(scalar % R)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


G1 = (Fp2(1), Fp2(2))
G2 = (
    Fp2(
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    Fp2(
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)
word = lambda value: value.to_bytes(32, "big")
g1 = lambda scalar: tuple(c.a for c in times(G1, scalar))
g2 = lambda scalar: [n for c in times(G2, scalar) for n in (c.b, c.a)]
bytes_of = lambda point: b"".join(map(word, point))
number = lambda name, i=0: int.from_bytes(hashlib.sha512(f"link vector {name} {i}".encode()).digest(), "big") % R
plain = lambda point: {"x": str(point[0]), "y": str(point[1])}

# The circuit settlement-60: three own signals, 120 marks.
publics, first, count = 123, 4, 120
a = [number("a", i) for i in range(publics + 1)]
k1, k2, tau = number("k1"), number("k2"), number("tau")
sha256 = hashlib.sha256(b"link vector").hexdigest()
head = b"plimsoll-link-key/1".ljust(32, b"\0") + bytes.fromhex(sha256) + word(publics) + word(first)
head += b"".join(word(n) for secret in (k1, k2, tau) for n in g2(secret))

# Small, large, and every one different.
values = [(number("x", i) if i % 3 == 0 else i * 10**9 if i % 3 == 1 else R - i) for i in range(1, count + 1)]
assert len(set(values)) == count
subject = keccak256(b"a subject")
z = {first + j: value for j, value in enumerate(values)}
p = sum(x * a[i] for i, x in z.items()) % R
q = sum(x * pow(tau, i, R) for i, x in z.items()) % R
point, polynomial, proof = g1(p), g1(q), g1(k1 * p + k2 * q)
seed = keccak256(
    keccak256(b"plimsoll-link/1") + keccak256(head) + subject + word(first) + word(count)
    + keccak256(b"".join(map(word, values))) + bytes_of(point) + bytes_of(polynomial)
)
rho = int.from_bytes(seed, "big") % R
y = sum(x * pow(rho, i, R) for i, x in z.items()) % R
opening = g1((q - y) * pow(tau - rho, -1, R))

print(json.dumps({
    "publics": publics, "first": first, "verificationKeySha256": sha256,
    "secrets": {"k1": str(k1), "k2": str(k2), "tau": str(tau)},
    "ic": [str(each) for each in a],
    "keyId": "0x" + keccak256(head).hex(),
    "statement": {"group": "marks", "subject": "0x" + subject.hex(), "values": [str(x) for x in values]},
    "rho": str(rho),
    "fold": str(int.from_bytes(keccak256(seed + bytes_of(proof) + bytes_of(opening)), "big") % R),
    "link": {"point": plain(point), "polynomial": plain(polynomial), "proof": plain(proof), "opening": plain(opening)},
}, indent=1))
