import { lowerQuartile } from './median.js';

/**
 * Measures subjects in turn, round by round and each round in the other direction, so that what the
 * machine does meanwhile meets all of them alike. It only ever adds to a cost, so of the rounds the
 * lower quartile counts.
 *
 * @returns for each subject the lower quartile of each figure
 */
export async function alternate<Name extends string, Figure extends string>(
  rounds: number,
  subjects: readonly Name[],
  measure: (name: Name, round: number) => Promise<Readonly<Record<Figure, number>>>,
): Promise<Record<Name, Record<Figure, number>>> {
  const all = new Map<Name, Readonly<Record<Figure, number>>[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? subjects : subjects.toReversed()) {
      all.set(name, [...(all.get(name) ?? []), await measure(name, round)]);
    }
  }
  const quartilesOf = (figures: readonly Readonly<Record<Figure, number>>[]) =>
    Object.fromEntries(
      Object.keys(figures[0] ?? {}).map((figure) => [
        figure,
        lowerQuartile(figures.map((each) => each[figure as Figure])),
      ]),
    );
  return Object.fromEntries(
    [...all].map(([name, figures]) => [name, quartilesOf(figures)]),
  ) as Record<Name, Record<Figure, number>>;
}
