/** How long to wait before the next try to connect: doubling from 100 ms to 1 s, a little early at random. */

const FIRST_MS = 100;
const LONGEST_MS = 1000;
const JITTER = 0.2;

/**
 * @param {number} attempt failed tries so far, from 0
 * @param {() => number} [random] evenly distributed over [0, 1): many clients of one restarted server must not return together
 * @returns {number} milliseconds
 */
export function backoffMs(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return full * (1 - JITTER * random());
}
