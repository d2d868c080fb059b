/** Of the rounds of a measurement; NaN where nothing was measured, which JSON keeps as null. */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = sortedNumbers(values);
  return { min: sorted[0] ?? Number.NaN, median: quantileOf(sorted, 0.5), max: sorted.at(-1) ?? Number.NaN };
}

/** The value that `part` of the given ones do not exceed. */
export function quantileOf(values: readonly number[], part: number): number {
  const sorted = sortedNumbers(values);
  return sorted[Math.min(sorted.length, Math.max(1, Math.ceil(sorted.length * part))) - 1] ?? Number.NaN;
}

/** The slope of the straight line that lies closest to the points, by least squares. */
export function slopeOf(points: readonly { x: number; y: number }[]): number {
  const mean = (pick: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const covariance = mean(({ x, y }) => (x - meanX) * (y - meanY));
  return covariance / mean(({ x }) => (x - meanX) ** 2);
}

function sortedNumbers(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
}
