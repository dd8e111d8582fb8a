/** The odd primes that the chips concerned built their own primes from. */
const PRIMES: readonly number[] = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
  103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR = 65_537;

/** What 65537 to any power leaves when it is divided by a prime. */
function remaindersOfPowers(prime: number): ReadonlySet<number> {
  const remainders = new Set<number>();
  for (let power = 1; !remainders.has(power); power = (power * GENERATOR) % prime) {
    remainders.add(power);
  }
  return remainders;
}

const REMAINDERS = PRIMES.map((prime) => [BigInt(prime), remaindersOfPowers(prime)] as const);

/**
 * Whether an RSA modulus comes from the chips whose keys can be factored (ROCA, CVE-2017-15361):
 * their moduli are powers of 65537 modulo many small primes. One in 2^27 of others looks so too.
 */
export function isRocaModulus(modulus: bigint): boolean {
  return REMAINDERS.every(([prime, remainders]) => remainders.has(Number(modulus % prime)));
}
